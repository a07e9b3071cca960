import { Command, type CommandAnswer } from '../bindings/commands.js';
import type { ByteReader } from '../bindings/reader.js';
import type { EngineHost } from '../client/engine-host.js';
import type { LwwMap } from '../client/lww-map.js';
import type { QueryTap } from '../client/query-tap.js';
import { ErrorCode, TopGunError, asTopGunError, errorFromCode } from '../errors.js';
import { readAnswer, readExplanation, readNodeAnswer, readTree } from './answers.js';
import type { QueryWriter, Relation } from './encode.js';
import { EngineLink } from './engine-link.js';
import { WHOLE, nameOf, type ValueShape } from './field.js';
import { Indexes, type Index, type IndexState } from './indexes.js';
import { LiveQuery, type ChangesListener, type LiveQueryOwner, type RowsListener } from './live-query.js';
import {
  GET_TIMEOUT_MS,
  idOf,
  type Explanation,
  type ObservedQuery,
  type ObservedResult,
  type QueryPlan,
  type QueryResult,
} from './query.js';
import { keyAsked } from './key-lookup.js';
import type { NodeQueries } from './node-queries.js';
import { KnownRows } from './known-rows.js';
import { RowReader, type RowChange } from './rows.js';
import { View, type ViewOwner } from './view.js';

/** Numbers of the events of queries. */
const ROWS = 30;
const INDEX_READY = 32;

/** What a query begins with if the node is to explain it (docs/protocol.md, Queries). */
const NODE_PLANS = 254;
const NODE_ANALYZES = 255;

/** What is seen of a query that nobody listens to. */
const UNHEARD: ObservedResult<object> = Object.freeze({
  rows: Object.freeze([]),
  loading: true,
  settled: false,
  error: undefined,
});

/** What queries need of the client. */
export interface QueriesOwner {
  /** The map, opened if need be. */
  map(name: string): LwwMap<unknown>;
  handle(name: string): number;
  /** The map has agreed with the server, or there is none. */
  settled(map: string): boolean;
  /** The application has opened the map. */
  isOpen(map: string): boolean;
  hasServer(): boolean;
  isOnline(): boolean;
  reportError(error: TopGunError): void;
  /** Resolves when reads see what is stored and an engine is attached; rejects if that cannot be. */
  ready(): Promise<void>;
  /** Talks to the node until `done`, where nothing else does so by itself. */
  carry?(done: () => boolean, timeoutMs: number): Promise<void>;
}

interface DefinedView {
  readonly relation: Relation;
  readonly plan: QueryPlan;
  /** Nothing once the application has been told. */
  answer: ((error: TopGunError | undefined) => void) | undefined;
}

/**
 * All queries of a client: speaks to the engine in the commands of queries, and takes everything up
 * again when another engine takes over.
 */
export class Queries implements ViewOwner, QueryTap, LiveQueryOwner {
  private readonly owner: QueriesOwner;
  private readonly link = new EngineLink();
  private readonly indexes = new Indexes(this.link, (writer, relation) => this.address(writer, relation));
  private readonly views = new Map<string, DefinedView>();
  private numbers = 0;
  private readonly live = new Map<string, LiveQuery>();
  private readonly byNumber = new Map<number, LiveQuery>();
  private readonly touched = new Set<LiveQuery>();
  /** Maps that were seen to show what is stored; they go on doing so. */
  private readonly shown = new WeakSet<LwwMap<unknown>>();
  private readonly rows = new KnownRows((map) => this.owner.map(map));
  /** What the node answers, and how to end the live ones. */
  readonly node: NodeQueries;
  private readonly remote = new Map<LiveQuery, () => void>();

  constructor(owner: QueriesOwner, node: NodeQueries) {
    this.owner = owner;
    this.node = node;
  }

  // QueryRunner

  relation(source: unknown): Relation {
    const name = typeof source === 'string' ? source : (source as { name?: unknown } | null | undefined)?.name;
    if (typeof name !== 'string') {
      throw new TopGunError(ErrorCode.InvalidArgument, 'a query is over a map or a view, or the name of one');
    }
    if (source instanceof View) return source.relation;
    return this.views.get(name)?.relation ?? { name, isView: false, shape: WHOLE, maps: [name] };
  }

  async get<R>(plan: QueryPlan, timeoutMs: number): Promise<QueryResult<R>> {
    const found = this.lookUp(plan);
    if (found !== undefined) return found as QueryResult<R>;
    if (this.runsOnNode(plan)) {
      return this.askNode(plan, timeoutMs, (answer) => readNodeAnswer(new RowReader(plan, this.rows), answer) as QueryResult<R>);
    }
    if (!this.isAtHand(plan)) await this.loaded(plan);
    const reader = new RowReader(plan, this.rows);
    this.refreshRows(plan);
    return this.link.ask(
      Command.Query,
      (writer) => this.writeQuery(writer, plan),
      (answer) => readAnswer(reader, answer) as QueryResult<R>,
    );
  }

  subscribe<R>(
    plan: QueryPlan,
    listener: (rows: readonly R[], changes: readonly RowChange<R>[]) => void,
    onError: ((error: TopGunError) => void) | undefined,
  ): () => void {
    return this.liveQuery(plan).listen(listener as unknown as RowsListener, onError);
  }

  follow<R>(
    plan: QueryPlan,
    listener: (changes: readonly RowChange<R>[]) => void,
    onError: ((error: TopGunError) => void) | undefined,
  ): () => void {
    return this.liveQuery(plan).follow(listener as unknown as ChangesListener, onError);
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
    if (this.runsOnNode(plan)) return this.askNode(plan, GET_TIMEOUT_MS, readExplanation, analyze ? NODE_ANALYZES : NODE_PLANS);
    await this.loaded(plan);
    return this.link.ask(
      Command.ExplainQuery,
      (writer) => {
        this.openMaps(plan);
        this.address(writer, plan.relation);
        writer.u8(analyze ? 1 : 0);
        writer.query(plan.shape, plan.relation.shape);
      },
      readTree,
    );
  }

  // Views and indexes

  defineView<R>(name: string, plan: QueryPlan): View<R> {
    if (this.views.has(name)) throw new TopGunError(ErrorCode.InvalidArgument, `there is a view ${name}`);
    const relation = { name, isView: true, shape: shapeOf(plan), maps: mapsOf(plan) };
    this.openMaps(plan);
    const ready = new Promise<void>((resolve, reject) => {
      const answer = (error: TopGunError | undefined): void => (error === undefined ? resolve() : reject(error));
      this.views.set(name, { relation, plan, answer });
    });
    const view = this.views.get(name);
    if (view !== undefined && this.link.attached) this.define(view);
    return new View<R>(this, relation, ready);
  }

  async dropView(name: string): Promise<void> {
    await this.owner.ready();
    this.link.ask(Command.DropView, (writer) => writer.text(name), () => undefined);
    this.views.delete(name);
    this.indexes.forget(name);
  }

  async createIndex(relation: Relation, index: Index): Promise<void> {
    relation.maps.forEach((map) => this.owner.map(map));
    await this.owner.ready();
    return this.indexes.create(relation, index);
  }

  async dropIndex(relation: Relation, name: string): Promise<void> {
    await this.owner.ready();
    this.indexes.drop(relation, name);
  }

  async listIndexes(relation: Relation): Promise<IndexState[]> {
    relation.maps.forEach((map) => this.owner.map(map));
    await this.owner.ready();
    return this.indexes.list(relation);
  }

  // QueryTap: the engine.

  /** Another engine answers from now on; it knows nothing of us yet. */
  attach(host: EngineHost): void {
    this.link.host = host;
    this.rows.clear();
    for (const view of this.views.values()) this.define(view);
    this.indexes.attach();
    for (const live of this.live.values()) if (!this.remote.has(live)) this.begin(live);
  }

  applyEvent(code: number, payload: ByteReader): void {
    if (this.node.applyEvent(code, payload)) return;
    if (code === INDEX_READY) return this.indexes.indexReady(payload);
    const numbers: number[] = [];
    for (let n = payload.varint(); n > 0; n--) numbers.push(payload.varint());
    const { offset } = payload;
    for (const number of numbers) {
      const live = this.byNumber.get(number);
      if (live === undefined) continue;
      // From the beginning for each of them.
      payload.offset = offset;
      const edits = payload;
      if (code === ROWS) live.applyRows(edits);
      else live.applyGroups(edits);
      this.touched.add(live);
    }
  }

  askAgain(): void {
    this.node.askAgain();
  }

  notify(): void {
    this.indexes.notify();
    if (this.touched.size === 0) return;
    const touched = [...this.touched];
    this.touched.clear();
    for (const live of touched) live.notify();
  }

  /** The map has agreed with the server. */
  synced(map: string): void {
    for (const live of this.live.values()) {
      if (!this.remote.has(live) && mapsOf(live.plan).includes(map)) live.becameSettled();
    }
  }

  /** The connection came or went: answers of the node are up to date, or were. */
  connectionChanged(): void {
    for (const live of this.remote.keys()) live.becameSettled();
  }

  // LiveQueryOwner

  abandoned(live: LiveQuery): void {
    // React and others let go and take up again within one turn.
    queueMicrotask(() => {
      if (!live.idle || this.byNumber.get(live.number) !== live) return;
      this.byNumber.delete(live.number);
      this.touched.delete(live);
      this.live.delete(idOf(live.plan));
      const end = this.remote.get(live);
      if (end !== undefined) {
        this.remote.delete(live);
        return end();
      }
      this.link.tell(Command.UnsubscribeQuery, (writer) => writer.varint(live.number), () => undefined);
    });
  }

  settled(plan: QueryPlan, live: LiveQuery): boolean {
    if (this.remote.has(live)) return this.owner.isOnline();
    return mapsOf(plan).every((map) => this.owner.settled(map));
  }

  reportError(error: TopGunError): void {
    this.owner.reportError(error);
  }

  private liveQuery(plan: QueryPlan): LiveQuery {
    const id = idOf(plan);
    const known = this.live.get(id);
    if (known !== undefined) return known;
    const isRemote = this.runsOnNode(plan);
    if (!isRemote) this.openMaps(plan);
    const live = new LiveQuery(++this.numbers, plan, this.rows, this);
    this.live.set(id, live);
    this.byNumber.set(live.number, live);
    if (isRemote) {
      this.followOnNode(live);
    } else if (this.link.attached) {
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
    const visit = (answer: CommandAnswer): void => {
      this.touched.add(live);
      queueMicrotask(() => this.notify());
      if (answer.error === 0) live.reset(answer.payload);
      else live.fail(errorFromCode(answer.error, `live query over ${live.plan.relation.name}`));
    };
    this.refreshRows(live.plan);
    this.link.tell(
      Command.SubscribeQuery,
      (writer) => {
        writer.varint(live.number);
        this.writeQuery(writer, live.plan);
      },
      visit,
    );
  }

  // What the node answers.

  private runsOnNode(plan: QueryPlan): boolean {
    const { scope, relation, shape } = plan;
    if (scope === 'local') return false;
    const hasView = [relation, ...shape.joins.map((join) => join.relation)].some(({ isView }) => isView);
    if (scope === 'auto') {
      return !hasView && this.owner.hasServer() && !mapsOf(plan).some((map) => this.owner.isOpen(map));
    }
    if (hasView) throw new TopGunError(ErrorCode.InvalidArgument, 'views are answered by this replica');
    if (!this.owner.hasServer()) throw new TopGunError(ErrorCode.InvalidArgument, 'this client has no server to ask');
    return true;
  }

  private askNode<A>(plan: QueryPlan, timeoutMs: number, read: (answer: ByteReader) => A, wish?: number): Promise<A> {
    const { owner } = this;
    return new Promise((resolve, reject) => {
      let outcome: (() => void) | undefined;
      const giveUp = (error: unknown): void => {
        if (outcome !== undefined) return;
        end();
        settle(() => reject(error));
      };
      const timer = setTimeout(
        () => giveUp(new TopGunError(ErrorCode.TimedOut, `the node did not answer within ${timeoutMs} ms`)),
        timeoutMs,
      );
      const settle = (done: () => void): void => {
        outcome = done;
        clearTimeout(timer);
        // Whoever carries it has to come to an end first: with the answer the request may be over.
        if (owner.carry === undefined) done();
      };
      const fill = (writer: QueryWriter): void => {
        if (wish !== undefined) writer.u8(wish);
        writer.query(plan.shape, WHOLE, true);
      };
      const end = this.node.ask(false, plan.relation.name, fill, {
        answered: (answer) => {
          // The bytes are lent for the call.
          const result = read(answer);
          settle(() => resolve(result));
        },
        changed: () => undefined,
        failed: (error) => settle(() => reject(error)),
      });
      owner.carry?.(() => outcome !== undefined, timeoutMs)
        .catch(giveUp)
        .finally(() => outcome?.());
    });
  }

  private followOnNode(live: LiveQuery): void {
    const { plan } = live;
    const isGrouped = plan.groupNames.length > 0;
    const touch = (): void => {
      this.touched.add(live);
    };
    const end = this.node.ask(true, plan.relation.name, (writer) => writer.query(plan.shape, WHOLE, true), {
      answered: (answer) => {
        live.replace(answer);
        touch();
      },
      changed: (steps) => {
        if (isGrouped) live.applyGroups(steps);
        else live.applyRows(steps);
        touch();
      },
      failed: (error) => {
        live.fail(error);
        touch();
        queueMicrotask(() => this.notify());
      },
    });
    this.remote.set(live, end);
  }

  private define(view: DefinedView): void {
    const { relation, plan } = view;
    let refused: TopGunError | undefined;
    this.link.tell(
      Command.DefineView,
      (writer) => {
        writer.text(relation.name);
        this.openMaps(plan);
        this.address(writer, plan.relation);
        writer.query(plan.shape, plan.relation.shape, true);
      },
      ({ error }) => {
        if (error !== 0) refused = errorFromCode(error, `the view ${relation.name}`);
      },
    );
    if (refused !== undefined) {
      this.views.delete(relation.name);
      if (view.answer === undefined) this.owner.reportError(refused);
    }
    view.answer?.(refused);
    view.answer = undefined;
  }

  /** Resolves when there is an engine to ask, and the maps show what is stored. */
  private async loaded(plan: QueryPlan): Promise<void> {
    const maps = this.openMaps(plan);
    await this.owner.ready();
    await Promise.all(maps.map((map) => map.loaded()));
    for (const map of maps) this.shown.add(map);
  }

  /** The answer to a query for one key of a map that is at hand. */
  private lookUp(plan: QueryPlan): QueryResult<object> | undefined {
    const { name } = plan.relation;
    if (!this.link.attached || !this.owner.isOpen(name)) return undefined;
    const key = keyAsked(plan);
    if (key === undefined) return undefined;
    const map = this.owner.map(name);
    if (!this.shown.has(map)) return undefined;
    const value = map.get(key);
    const rows = value === undefined ? [] : [new RowReader(plan, this.rows).record(key, value)];
    return { rows, cursor: undefined };
  }

  /** An engine answers, and its maps are known to show what is stored: there is nothing to wait for. */
  private isAtHand(plan: QueryPlan): boolean {
    const { owner, shown } = this;
    return this.link.attached && mapsOf(plan).every((name) => owner.isOpen(name) && shown.has(owner.map(name)));
  }

  /** An engine that numbers rows of the map as it was shown before, or of many that are gone, begins anew. */
  private refreshRows({ relation }: QueryPlan): void {
    if (relation.isView || !this.rows.isStale(relation.name)) return;
    this.link.tell(Command.ForgetRows, (writer) => this.address(writer, relation), () => undefined);
    this.rows.forget(relation.name);
  }

  private openMaps(plan: QueryPlan): LwwMap<unknown>[] {
    return mapsOf(plan).map((name) => {
      const map = this.owner.map(name);
      // The engine of a tab that follows begins to hold the map by this.
      this.owner.handle(name);
      return map;
    });
  }

  private address(writer: QueryWriter, relation: Relation): void {
    writer.relation(relation, relation.isView ? 0 : this.owner.handle(relation.name));
  }

  private writeQuery(writer: QueryWriter, plan: QueryPlan): void {
    this.openMaps(plan);
    this.address(writer, plan.relation);
    writer.query(plan.shape, plan.relation.shape);
  }
}

/** The maps that a query looks at, by itself or through views. */
function mapsOf({ relation, shape }: QueryPlan): readonly string[] {
  if (shape.joins.length === 0) return relation.maps;
  return [...new Set([relation, ...shape.joins.map((join) => join.relation)].flatMap(({ maps }) => maps))];
}

/** What the records of a view are like that keeps this query. */
function shapeOf({ relation, shape, groupNames }: QueryPlan): ValueShape {
  if (groupNames.length > 0) return { kind: 'columns', names: groupNames };
  if (shape.select.length > 0) return { kind: 'columns', names: shape.select.map(nameOf) };
  const joined = shape.joins.filter(({ kind }) => kind === 'inner' || kind === 'left');
  if (joined.length === 0 && shape.joins.length === 0) return relation.shape;
  return { kind: 'sides', names: shape.joins.map(({ name }) => name) };
}
