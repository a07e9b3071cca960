import type { ByteReader } from '../bindings/reader.js';
import { callListener } from '../client/emitter.js';
import type { TopGunError } from '../errors.js';
import type { ObservedQuery, ObservedResult, QueryPlan } from './query.js';
import { RowReader, type RowChange, type RowSources } from './rows.js';
import { changesBetween } from './row-changes.js';
import { StepKind, StepList } from './steps.js';

/** Numbers of `GroupEdit::Kind` in `core/dataflow/edit.hpp`. */
const GROUP_LEAVES = 2;

type Rows = readonly object[];
export type RowsListener = (rows: Rows, changes: readonly RowChange<object>[]) => void;

export type ChangesListener = (changes: readonly RowChange<object>[]) => void;

interface Listener {
  readonly tell: (changes: readonly RowChange<object>[]) => void;
  readonly error: ((error: TopGunError) => void) | undefined;
  /** It has been told the rows. */
  began: boolean;
}

/** What a live query asks of its owner. */
export interface LiveQueryOwner {
  /** Nobody listens any more. */
  abandoned(live: LiveQuery): void;
  settled(plan: QueryPlan, live: LiveQuery): boolean;
  reportError(error: TopGunError): void;
}

/**
 * The rows of one live query, kept in step with the engine's, for everybody who asked the same. Rows
 * are made from the map's mirror, which shows the very state that the engine speaks of whenever an
 * answer or event of it is read.
 */
export class LiveQuery implements ObservedQuery<object> {
  /** Numbers the subscription in the engine. */
  readonly number: number;
  readonly plan: QueryPlan;
  private readonly owner: LiveQueryOwner;
  private readonly reader: RowReader;
  private readonly listeners = new Set<Listener>();
  private readonly observers = new Set<() => void>();
  private list = new StepList<object>([]);
  /** The list as an array that never changes; made when somebody wants it. */
  private shown: Rows | undefined;
  /** Of groups: where each stands, in the order of the rows. */
  private groupKeys: string[] = [];
  private changes: RowChange<object>[] = [];
  private loaded = false;
  private changed = false;
  private error: TopGunError | undefined;
  private snapshot: ObservedResult<object> | undefined;

  constructor(number: number, plan: QueryPlan, sources: RowSources, owner: LiveQueryOwner) {
    this.number = number;
    this.plan = plan;
    this.reader = new RowReader(plan, sources);
    this.owner = owner;
  }

  get idle(): boolean {
    return this.listeners.size === 0 && this.observers.size === 0;
  }

  private get rows(): Rows {
    return (this.shown ??= this.list.items());
  }

  listen(listener: RowsListener, error: ((error: TopGunError) => void) | undefined): () => void {
    return this.follow((changes) => listener(this.rows, changes), error);
  }

  /** For those who keep a list of their own. */
  follow(tell: ChangesListener, error: ((error: TopGunError) => void) | undefined): () => void {
    const listener: Listener = { tell, error, began: false };
    this.listeners.add(listener);
    // Not within the call: whoever subscribes has not got the function yet that ends it.
    if (this.loaded || this.error !== undefined) queueMicrotask(() => this.begin(listener));
    return () => {
      if (this.listeners.delete(listener) && this.idle) this.owner.abandoned(this);
    };
  }

  // ObservedQuery

  getSnapshot(): ObservedResult<object> {
    return (this.snapshot ??= {
      rows: this.rows,
      loading: !this.loaded && this.error === undefined,
      settled: this.loaded && this.owner.settled(this.plan, this),
      error: this.error,
    });
  }

  subscribe(changed: () => void): () => void {
    // Of its own, so that the same function may be passed twice.
    const observer = (): void => changed();
    this.observers.add(observer);
    return () => {
      if (this.observers.delete(observer) && this.idle) this.owner.abandoned(this);
    };
  }

  // What the engine says.

  /** The answer to the subscription: the rows as they are. Replaces what was known. */
  reset(answer: ByteReader): void {
    const before = this.rows;
    const isGrouped = this.reader.begin(answer);
    const count = answer.varint();
    const rows: object[] = [];
    this.groupKeys = [];
    for (let i = 0; i < count; i++) {
      if (isGrouped) {
        this.groupKeys.push(latin1(answer.blob()));
        rows.push(this.reader.group(answer.blob()));
      } else {
        rows.push(this.reader.row(answer));
      }
    }
    const isNews = !this.loaded || this.error !== undefined || !sameRows(before, rows);
    this.list = new StepList(rows);
    this.error = undefined;
    this.loaded = true;
    if (isNews) {
      this.hasChanged();
      this.shown = rows;
    }
    this.changes = [];
    // Whoever is told of the query for the first time is told all of its rows.
    if (![...this.listeners].some(({ began }) => began)) return;
    // Another engine has taken over: there is no way from the rows before but all at once.
    this.changes = [
      ...before.map((row) => ({ type: 'leave', row, index: 0 }) as const),
      ...rows.map((row, index) => ({ type: 'enter', row, index }) as const),
    ];
  }

  /** The answer anew, by the shortest way from the rows that were known: a node says it whole now and then. */
  replace(answer: ByteReader): void {
    if (!this.loaded || this.error !== undefined) return this.reset(answer);
    const before = this.rows;
    const { changes, changed, list, snapshot } = this;
    this.reset(answer);
    const steps = changesBetween(before, this.rows);
    this.changes = [...changes, ...steps];
    if (steps.length > 0) return;
    // Nothing is new, and so whoever looks sees the same objects.
    this.list = list;
    this.shown = before;
    this.snapshot = snapshot;
    this.changed = changed;
  }

  fail(error: TopGunError): void {
    this.error = error;
    this.hasChanged();
  }

  applyRows(edits: ByteReader): void {
    this.reader.resume();
    for (let n = edits.varint(); n > 0; n--) {
      const kind = edits.u8();
      const from = edits.varint();
      const to = edits.varint();
      const isThere = kind !== StepKind.Leave && edits.u8() !== 0;
      this.take(kind, from, to, isThere ? this.reader.row(edits) : undefined);
    }
    this.hasChanged();
  }

  applyGroups(edits: ByteReader): void {
    const { list } = this;
    for (let n = edits.varint(); n > 0; n--) {
      const leaves = edits.u8() === GROUP_LEAVES;
      const key = latin1(edits.blob());
      const index = lowerBound(this.groupKeys, key);
      const known = this.groupKeys[index] === key;
      const before = known ? (list.at(index) as { _key: string }) : undefined;
      const row = this.reader.group(edits.blob(), before?._key);
      if (leaves) {
        this.groupKeys.splice(index, 1);
        list.remove(index);
        this.changes.push({ type: 'leave', row, index });
      } else if (known) {
        list.set(index, row);
        this.changes.push({ type: 'update', row, index });
      } else {
        this.groupKeys.splice(index, 0, key);
        list.insert(index, row);
        this.changes.push({ type: 'enter', row, index });
      }
    }
    this.hasChanged();
  }

  /** The rows are settled from now on. */
  becameSettled(): void {
    this.snapshot = undefined;
    for (const observer of [...this.observers]) callListener(observer);
  }

  /** Tells everybody what has changed. */
  notify(): void {
    if (!this.changed) return;
    this.changed = false;
    const { changes } = this;
    this.changes = [];
    for (const listener of [...this.listeners]) {
      if (!listener.began || this.error !== undefined) this.begin(listener);
      else callListener(() => listener.tell(changes));
    }
    if (this.observers.size === 0) return;
    for (const observer of [...this.observers]) callListener(observer);
  }

  /** Whoever looks sees it from now on; listeners are told by `notify`. */
  private hasChanged(): void {
    this.changed = true;
    this.shown = undefined;
    this.snapshot = undefined;
  }

  private begin(listener: Listener): void {
    if (!this.listeners.has(listener)) return;
    const { error, rows } = this;
    if (error !== undefined) {
      return callListener(() => (listener.error ?? ((each) => this.owner.reportError(each)))(error));
    }
    if (listener.began) return;
    listener.began = true;
    const entered = rows.map((row, index) => ({ type: 'enter', row, index }) as const);
    callListener(() => listener.tell(entered));
  }

  /** One step on the list; without `item` for a row that leaves, and for one that is gone again by the end of the batch. */
  private take(kind: number, from: number, to: number, item: object | undefined): void {
    const { list } = this;
    switch (kind) {
      case StepKind.Enter: {
        const index = list.heardBefore(to);
        list.insert(to, item);
        if (item !== undefined) this.changes.push({ type: 'enter', row: item, index });
        return;
      }
      case StepKind.Update:
        // What is gone by the end of the batch stays as it was until it leaves.
        if (item === undefined) return;
        list.set(to, item);
        this.changes.push({ type: 'update', row: item, index: list.heardBefore(to) });
        return;
      case StepKind.Move: {
        const heardFrom = list.heardBefore(from);
        const row = list.remove(from);
        const moved = item ?? row;
        const index = list.heardBefore(to);
        list.insert(to, moved);
        if (moved !== undefined) this.changes.push({ type: 'move', row: moved, index, from: heardFrom });
        return;
      }
      default: {
        const index = list.heardBefore(from);
        const row = list.remove(from);
        if (row !== undefined) this.changes.push({ type: 'leave', row, index });
      }
    }
  }
}

function sameRows(a: Rows, b: Rows): boolean {
  return a.length === b.length && a.every((row, i) => row === b[i]);
}

/** Bytes as text that sorts as they do. */
function latin1(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}

/** Where `key` stands among `keys`, which ascend, or would stand. */
function lowerBound(keys: readonly string[], key: string): number {
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((keys[middle] ?? '') < key) low = middle + 1;
    else high = middle;
  }
  return low;
}
