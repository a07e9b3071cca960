import { Command } from '../bindings/commands.js';
import type { CommandAnswer } from '../bindings/commands.js';
import { ByteReader } from '../bindings/reader.js';
import type { EngineHost } from '../client/engine-host.js';
import type { LwwMap } from '../client/lww-map.js';
import type { QueryTap } from '../client/query-tap.js';
import { decodeFrozen } from '../client/values.js';
import { ErrorCode, TopGunError, asTopGunError, errorFromCode } from '../errors.js';
import { IndexKind, QueryWriter, type OrderPart } from './encode.js';
import type { Path } from './field.js';
import { LiveQuery, type LiveQueryOwner, type RowsListener } from './live-query.js';
import {
  idOf,
  textOf,
  type Explanation,
  type ObservedQuery,
  type ObservedResult,
  type QueryPlan,
  type QueryResult,
  type QueryRunner,
} from './query.js';
import { groupOf, rowOf, type RowChange } from './rows.js';

/** What is seen of a query that nobody listens to. */
const UNHEARD: ObservedResult<object> = Object.freeze({
  rows: Object.freeze([]),
  loading: true,
  settled: false,
  error: undefined,
});

/** An index, resolved. */
export interface Index {
  readonly name: string;
  readonly kind: IndexKind;
  readonly parts: readonly OrderPart[];
}

/** An index as it stands in the engine. */
export interface IndexState extends Index {
  readonly ready: boolean;
  readonly bytes: number;
}

/** What queries need of the client. */
export interface QueriesOwner {
  /** The map, opened if need be. */
  map(name: string): LwwMap<unknown>;
  handle(name: string): number;
  /** The map has agreed with the server, or there is none. */
  settled(map: string): boolean;
  reportError(error: TopGunError): void;
  /** Resolves when reads see what is stored and an engine is attached; rejects if that cannot be. */
  ready(): Promise<void>;
}

interface DeclaredIndex {
  readonly map: string;
  readonly index: Index;
  readonly waiting: { resolve(): void; reject(error: TopGunError): void }[];
}

/**
 * All queries of a client: speaks to the engine in the commands of queries, and takes everything up
 * again when another engine takes over.
 */
export class Queries implements QueryRunner, QueryTap, LiveQueryOwner {
  private readonly owner: QueriesOwner;
  private host: EngineHost | undefined;
  private numbers = 0;
  private readonly live = new Map<string, LiveQuery>();
  private readonly byNumber = new Map<number, LiveQuery>();
  private readonly touched = new Set<LiveQuery>();
  private readonly indexes = new Map<string, DeclaredIndex>();
  private readonly built: (() => void)[] = [];

  constructor(owner: QueriesOwner) {
    this.owner = owner;
  }

  // QueryRunner

  async get<R>(plan: QueryPlan): Promise<QueryResult<R>> {
    const map = this.owner.map(plan.map);
    await this.owner.ready();
    await map.loaded();
    return this.ask(
      Command.Query,
      (writer) => {
        writer.varint(this.owner.handle(plan.map));
        writer.query(plan.shape);
      },
      (answer) => readAnswer(plan, map, answer) as QueryResult<R>,
    );
  }

  subscribe<R>(
    plan: QueryPlan,
    listener: (rows: readonly R[], changes: readonly RowChange<R>[]) => void,
    onError: ((error: TopGunError) => void) | undefined,
  ): () => void {
    return this.liveQuery(plan).listen(listener as unknown as RowsListener, onError);
  }

  observe<R>(plan: QueryPlan): ObservedQuery<R> {
    const id = idOf(plan);
    // Looked up each time: between two observers the query may have been given up.
    return {
      getSnapshot: () => this.live.get(id)?.getSnapshot() ?? UNHEARD,
      subscribe: (changed: () => void) => this.liveQuery(plan).subscribe(changed),
    } as unknown as ObservedQuery<R>;
  }

  async explain(plan: QueryPlan, analyze: boolean): Promise<Explanation> {
    this.owner.map(plan.map);
    await this.owner.ready();
    return this.ask(
      Command.ExplainQuery,
      (writer) => {
        writer.varint(this.owner.handle(plan.map));
        writer.u8(analyze ? 1 : 0);
        writer.query(plan.shape);
      },
      ({ bytes, offset, end }) => decodeFrozen({ bytes, offset, length: end - offset }) as Explanation,
    );
  }

  // Indexes

  /** Resolves when the index is built. */
  async createIndex(map: string, index: Index): Promise<void> {
    this.owner.map(map);
    const id = JSON.stringify([map, index.name]);
    const known = this.indexes.get(id);
    if (known !== undefined && JSON.stringify(known.index) !== JSON.stringify(index)) {
      throw new TopGunError(ErrorCode.InvalidArgument, `there is another index ${index.name}`);
    }
    await this.owner.ready();
    if (known !== undefined && !this.isBuilding(known)) return;
    const declared = known ?? { map, index, waiting: [] };
    this.indexes.set(id, declared);
    const done = new Promise<void>((resolve, reject) => declared.waiting.push({ resolve, reject }));
    if (known === undefined) this.declare(declared);
    return done;
  }

  async dropIndex(map: string, name: string): Promise<void> {
    await this.owner.ready();
    const id = JSON.stringify([map, name]);
    const declared = this.indexes.get(id);
    if (declared === undefined) throw new TopGunError(ErrorCode.InvalidArgument, `no index ${name}`);
    this.indexes.delete(id);
    this.settle(declared, new TopGunError(ErrorCode.Closed, `the index ${name} was dropped`));
    this.ask(
      Command.DropIndex,
      (writer) => {
        writer.varint(this.owner.handle(map));
        writer.text(name);
      },
      () => undefined,
    );
  }

  async listIndexes(map: string): Promise<IndexState[]> {
    this.owner.map(map);
    await this.owner.ready();
    const fill = (writer: QueryWriter): void => writer.varint(this.owner.handle(map));
    return this.ask(Command.Indexes, fill, readIndexes);
  }

  // QueryTap: the engine.

  /** Another engine answers from now on; it knows nothing of us yet. */
  attach(host: EngineHost): void {
    this.host = host;
    for (const declared of this.indexes.values()) this.declare(declared);
    for (const live of this.live.values()) this.begin(live);
  }

  applyEvent(code: number, payload: ByteReader): void {
    if (code === 32) return this.indexReady(payload);
    const numbers: number[] = [];
    for (let n = payload.varint(); n > 0; n--) numbers.push(payload.varint());
    const { bytes, offset, end } = payload;
    for (const number of numbers) {
      const live = this.byNumber.get(number);
      if (live === undefined) continue;
      const edits = new ByteReader(bytes, offset, end);
      if (code === 30) live.applyRows(edits);
      else live.applyGroups(edits);
      this.touched.add(live);
    }
  }

  notify(): void {
    for (const resolve of this.built.splice(0)) resolve();
    if (this.touched.size === 0) return;
    const touched = [...this.touched];
    this.touched.clear();
    for (const live of touched) live.notify();
  }

  /** The map has agreed with the server. */
  synced(map: string): void {
    for (const live of this.live.values()) if (live.map.name === map) live.becameSettled();
  }

  // LiveQueryOwner

  abandoned(live: LiveQuery): void {
    // React and others let go and take up again within one turn.
    queueMicrotask(() => {
      if (!live.idle || this.byNumber.get(live.number) !== live) return;
      this.byNumber.delete(live.number);
      this.touched.delete(live);
      this.live.delete(idOf(live.plan));
      this.tell(Command.UnsubscribeQuery, (writer) => writer.varint(live.number), () => undefined);
    });
  }

  settled(map: string): boolean {
    return this.owner.settled(map);
  }

  reportError(error: TopGunError): void {
    this.owner.reportError(error);
  }

  private liveQuery(plan: QueryPlan): LiveQuery {
    const id = idOf(plan);
    const known = this.live.get(id);
    if (known !== undefined) return known;
    const live = new LiveQuery(++this.numbers, plan, this.owner.map(plan.map), this);
    this.live.set(id, live);
    this.byNumber.set(live.number, live);
    if (this.host?.attached === true) {
      this.begin(live);
    } else {
      // Whoever attaches the engine begins it; without one it never will.
      this.owner.ready().catch((error: unknown) => {
        live.fail(asTopGunError(error, ErrorCode.NotReady));
        live.notify();
      });
    }
    return live;
  }

  private begin(live: LiveQuery): void {
    this.tell(
      Command.SubscribeQuery,
      (writer) => {
        writer.varint(live.number);
        writer.varint(this.owner.handle(live.plan.map));
        writer.query(live.plan.shape);
      },
      (answer) => {
        this.touched.add(live);
        queueMicrotask(() => this.notify());
        if (answer.error === 0) live.reset(answer.payload);
        else live.fail(errorFromCode(answer.error, `live query over ${live.plan.map}`));
      },
    );
  }

  private isBuilding({ waiting }: DeclaredIndex): boolean {
    return waiting.length > 0;
  }

  private declare(declared: DeclaredIndex): void {
    const { map, index } = declared;
    this.tell(
      Command.AddIndex,
      (writer) => {
        writer.varint(this.owner.handle(map));
        writer.index(index.name, index.kind, index.parts);
      },
      ({ error }) => {
        if (error === 0) return;
        this.indexes.delete(JSON.stringify([map, index.name]));
        this.settle(declared, errorFromCode(error, `the index ${index.name}`));
      },
    );
  }

  private indexReady(payload: ByteReader): void {
    const handle = payload.varint();
    const name = payload.text();
    for (const declared of this.indexes.values()) {
      const isIt = declared.index.name === name && this.owner.handle(declared.map) === handle;
      if (isIt) this.built.push(() => this.settle(declared, undefined));
    }
  }

  private settle({ waiting }: DeclaredIndex, error: TopGunError | undefined): void {
    for (const { resolve, reject } of waiting.splice(0)) {
      if (error === undefined) resolve();
      else reject(error);
    }
  }

  /** Runs a command and returns what it answers; throws what it is refused with. */
  private ask<T>(code: Command, fill: (writer: QueryWriter) => void, read: (answer: ByteReader) => T): T {
    if (this.host?.attached !== true) {
      throw new TopGunError(ErrorCode.NotReady, 'no engine to ask');
    }
    let answer: CommandAnswer | undefined;
    let value: T | undefined;
    this.tell(code, fill, (each) => {
      answer = each;
      if (each.error === 0) value = read(each.payload);
    });
    // An answer that says nothing is not visited.
    if (answer !== undefined && answer.error !== 0) throw errorFromCode(answer.error);
    return value as T;
  }

  private tell(
    code: Command,
    fill: (writer: QueryWriter) => void,
    visit: (answer: CommandAnswer) => void,
  ): void {
    const command = QueryWriter.command(code, fill);
    this.host?.runAside((buffer) => buffer.appendEncoded(command), visit, false);
  }
}

function readAnswer(plan: QueryPlan, map: LwwMap<unknown>, answer: ByteReader): QueryResult<object> {
  const isGrouped = answer.u8() !== 0;
  const rows: object[] = [];
  for (let n = answer.varint(); n > 0; n--) {
    if (isGrouped) {
      const group = answer.blob();
      const values = decodeFrozen({ bytes: group, offset: 0, length: group.length });
      rows.push(groupOf(plan, values as unknown[]));
    } else {
      const key = answer.text();
      rows.push(rowOf(plan, key, map.peek(key)));
    }
  }
  const cursor = isGrouped ? new Uint8Array() : answer.blob();
  return { rows, cursor: cursor.length === 0 ? undefined : textOf(cursor) };
}

function readIndexes(answer: ByteReader): IndexState[] {
  const indexes: IndexState[] = [];
  for (let n = answer.varint(); n > 0; n--) {
    const name = answer.text();
    const number = answer.u8();
    const [kind = 'ordered'] =
      (Object.entries(IndexKind) as [IndexKind, number][]).find(([, each]) => each === number) ?? [];
    const parts: OrderPart[] = [];
    for (let p = answer.varint(); p > 0; p--) {
      const path = readPathOf(answer);
      parts.push({ path, descending: answer.u8() !== 0 });
    }
    indexes.push({ name, kind, parts, ready: answer.u8() !== 0, bytes: answer.varint() });
  }
  return indexes;
}

function readPathOf(answer: ByteReader): Path {
  if (answer.u8() !== 0) return 'key';
  return Array.from({ length: answer.varint() }, () => answer.text());
}
