import type { LwwMap } from '../client/lww-map.js';
import { ErrorCode, TopGunError } from '../errors.js';
import {
  JoinKind,
  QueryWriter,
  type AggregateKind,
  type Hint,
  type OrderPart,
  type Relation,
  type Shape,
} from './encode.js';
import { nameOf, type Attribute, type Field, type FieldValue } from './field.js';
import { comparison, predicateOf, type Operand, type Operator, type Predicate, type Where } from './predicate.js';
import type { Row, RowChange } from './rows.js';
import type { View } from './view.js';

export type Direction = 'asc' | 'desc';

/** Places to sort by: `'age'`, `'-age'` for the greatest first, `{ age: 'desc' }`, or a list of these. */
export type OrderBy<T> =
  | Extract<Field<T>, string>
  | `-${string}`
  | { readonly [F in Extract<Field<T>, string>]?: Direction }
  | readonly (Extract<Field<T>, string> | `-${string}` | readonly [Field<T>, Direction])[];

/** A value computed over the rows of a group. Made by {@link count}, {@link sum}, {@link avg}, {@link min} and {@link max}. */
export interface Aggregate<V> {
  readonly kind: AggregateKind;
  readonly field: Attribute | undefined;
  /** Only for the type of the result. */
  readonly result?: V;
}

/** How many records there are; with a field, how many have it, null aside. */
export function count(field?: Attribute): Aggregate<number> {
  return { kind: field === undefined ? 'count' : 'countOf', field };
}

/** The sum of the numbers, exact until it is rounded once; 0 of nothing. */
export function sum(field: Attribute): Aggregate<number> {
  return { kind: 'sum', field };
}

/** The average of the numbers; null of nothing. */
export function avg(field: Attribute): Aggregate<number | null> {
  return { kind: 'avg', field };
}

/** The least value, null aside; null of nothing. */
export function min<V = unknown>(field: Attribute): Aggregate<V | null> {
  return { kind: 'min', field };
}

/** The greatest value. */
export function max<V = unknown>(field: Attribute): Aggregate<V | null> {
  return { kind: 'max', field };
}

/** A query as an object, for those who prefer that to the builder. */
export interface QueryOptions<T> {
  readonly where?: Where<T> | Predicate;
  /** A condition as a tree; must hold besides `where`. */
  readonly predicate?: Predicate;
  readonly orderBy?: OrderBy<T>;
  /** The same as `orderBy`. */
  readonly sort?: OrderBy<T>;
  readonly limit?: number;
  readonly offset?: number;
  /** Goes on behind the row that this cursor of an earlier result names. */
  readonly after?: string;
  readonly hint?: Hint;
  /** Who answers; see {@link Query.scope}. Default: `local`. */
  readonly scope?: Scope;
}

/** Who answers a query: this replica, the node, or whichever has the records. */
export type Scope = 'local' | 'server' | 'auto';

/** What a join pairs, and how. */
export interface JoinOptions<T, J> {
  /** Fields of this query's records, and the fields of the joined ones that they must equal. */
  readonly on: { readonly [F in Extract<Field<T>, string>]?: Extract<Field<J>, string> };
  /** Which of the joined records take part. */
  readonly where?: Where<J> | Predicate;
  /**
   * `inner`, the default: each row with each record that matches. `left`: a row without a match stays, with null.
   * `semi`: the rows that have a match. `anti`: those that have none.
   */
  readonly kind?: JoinKind;
}

/** What a query found. */
export interface QueryResult<R> {
  readonly rows: readonly R[];
  /** Leads on behind the last row, if the limit cut the result off. */
  readonly cursor: string | undefined;
}

/** A live result for user interfaces: the same objects until something changes. */
export interface ObservedQuery<R> {
  getSnapshot(): ObservedResult<R>;
  /** Calls `changed` whenever there is another snapshot. Returns a function that ends it. */
  subscribe(changed: () => void): () => void;
}

export interface ObservedResult<R> {
  readonly rows: readonly R[];
  /** Nothing is known yet. */
  readonly loading: boolean;
  /** What is stored was loaded and, with a server, the map has agreed with it since the start. */
  readonly settled: boolean;
  readonly error: TopGunError | undefined;
}

/** How a query was, or would be, answered; see `docs/queries.md`. */
export type Explanation = Readonly<Record<string, unknown>>;

/** What runs queries: the client. @internal */
export interface QueryRunner {
  get<R>(plan: QueryPlan, timeoutMs: number): Promise<QueryResult<R>>;
  subscribe<R>(
    plan: QueryPlan,
    listener: (rows: readonly R[], changes: readonly RowChange<R>[]) => void,
    onError: ((error: TopGunError) => void) | undefined,
  ): () => void;
  follow<R>(
    plan: QueryPlan,
    listener: (changes: readonly RowChange<R>[]) => void,
    onError: ((error: TopGunError) => void) | undefined,
  ): () => void;
  observe<R>(plan: QueryPlan): ObservedQuery<R>;
  explain(plan: QueryPlan, analyze: boolean): Promise<Explanation>;
  /** The map of this name, or the view. */
  relation(source: unknown): Relation;
}

/** A query as it is run, and how its rows are made. @internal */
export interface QueryPlan {
  readonly relation: Relation;
  readonly scope: Scope;
  readonly shape: Shape;
  /** Names of the values of a group, in order; empty for queries of records. */
  readonly groupNames: readonly string[];
}

type Selected<T, F extends readonly Field<T>[]> = {
  readonly [K in F[number] as K extends string ? K : never]: FieldValue<T, K>;
} & { readonly _key: string };
type Grouped<T, F extends readonly Field<T>[]> = Selected<T, F>;

/** What can be asked: a map, the name of one or of a view, or a view. */
export type Source<T> = string | LwwMap<T> | View<T>;

/** Whether the rows of a query are records, or groups of them. */
export type RowKind = 'records' | 'groups';

/** A row with the record that a join adds to it. */
export type Joined<R, N extends string, J, O> = O extends { readonly kind: 'semi' | 'anti' }
  ? R
  : Omit<R, '_key'> & { readonly _key: string } & {
      readonly [K in N]: O extends { readonly kind: 'left' } ? Row<J> | null : Row<J>;
    };
type Aggregated<A> = { readonly [K in keyof A]: A[K] extends Aggregate<infer V> ? V : never };

/** How long a node may take to answer, unless told otherwise. @internal */
export const GET_TIMEOUT_MS = 30_000;

const EMPTY: Shape = {
  where: [],
  order: [],
  offset: 0,
  limit: undefined,
  after: undefined,
  select: [],
  groupBy: [],
  aggregates: [],
  joins: [],
  hint: {},
};

/**
 * A question to one map, answered from the records on this replica, online or offline, or by the node. Each method
 * returns another query and leaves this one as it was.
 *
 * @example
 * ```ts
 * import { TopGunClient } from 'topgun';
 *
 * interface Todo { title: string; done: boolean; createdAt: number }
 * const client = new TopGunClient();
 * await client.start();
 * const todos = client.getMap<Todo>('todos');
 * const open = client.query(todos).where('done', '=', false).orderBy('-createdAt').limit(20);
 * const stop = open.subscribe((rows) => console.log(rows.map(({ title }) => title)));
 * todos.set('1', { title: 'Milk', done: false, createdAt: 1 }); // [ 'Milk' ]
 * const { rows } = await open.get();
 * console.log(rows[0]?._key); // 1
 * stop();
 * await client.close();
 * ```
 */
export class Query<T, R = Row<T>, K extends RowKind = 'records'> {
  /** @internal */
  readonly plan: QueryPlan;
  private readonly runner: QueryRunner;
  private cachedId: string | undefined;

  /** @internal Made by `client.query`. */
  constructor(runner: QueryRunner, plan: QueryPlan) {
    this.runner = runner;
    this.plan = plan;
  }

  /** Equal for queries that ask the same of the same map. */
  get id(): string {
    return (this.cachedId ??= idOf(this.plan));
  }

  /** Only records for which this holds as well: an object, a tree, or a comparison of one field. */
  where(condition: Where<T> | Predicate): Query<T, R, K>;
  where<F extends Field<T>, O extends Operator>(field: F, operator: O, operand: Operand<T, F, O>): Query<T, R, K>;
  where(first: unknown, operator?: string, operand?: unknown): Query<T, R, K> {
    const isField = typeof first === 'string' || Array.isArray(first);
    const condition = isField
      ? comparison(first as Attribute, operator ?? '', operand)
      : predicateOf(first);
    return this.with({ where: [...this.plan.shape.where, condition] });
  }

  /** Sorts; where rows tie, by the next place, and at last by key. Replaces an order given before. */
  orderBy(order: OrderBy<T>): Query<T, R, K>;
  orderBy(field: Field<T>, direction: Direction): Query<T, R, K>;
  orderBy(order: unknown, direction?: Direction): Query<T, R, K> {
    const parts = direction === undefined ? orderOf(order) : [partOf(order as Attribute, direction)];
    return this.with({ order: parts });
  }

  /** At most so many rows. */
  limit(rows: number): Query<T, R, K> {
    return this.with({ limit: whole(rows, 'limit') });
  }

  /** Leaves out so many rows at the front. */
  offset(rows: number): Query<T, R, K> {
    return this.with({ offset: whole(rows, 'offset') });
  }

  /** Goes on behind the row that the cursor of an earlier result names. Not for live queries. */
  after(cursor: string): Query<T, R, K> {
    return this.with({ after: bytesOf(cursor) });
  }

  /** Rows with these fields alone. A field within others is called by its path. */
  select<const F extends readonly Field<T>[]>(...fields: F): Query<T, Selected<T, F>, K> {
    return this.shaped({ ...this.plan.shape, select: fields }, this.plan.groupNames);
  }

  /** One row for each combination of values that these fields have. */
  groupBy<const F extends readonly Field<T>[]>(...fields: F): Query<T, Grouped<T, F>, 'groups'> {
    const { aggregates } = this.plan.shape;
    const names = this.plan.groupNames.slice(this.plan.groupNames.length - aggregates.length);
    return this.shaped({ ...this.plan.shape, groupBy: fields }, [...fields.map(nameOf), ...names]);
  }

  /** The combinations of values that occur in these fields. */
  distinct<const F extends readonly Field<T>[]>(...fields: F): Query<T, Grouped<T, F>, 'groups'> {
    return this.groupBy(...fields);
  }

  /** Adds values computed over each group, or over all records without `groupBy`. */
  aggregate<A extends Readonly<Record<string, Aggregate<unknown>>>>(
    aggregates: A,
  ): Query<T, (K extends 'groups' ? R : { readonly _key: string }) & Aggregated<A>, 'groups'> {
    const added = Object.values(aggregates).map(({ kind, field }) => ({ kind, field }));
    const shape = { ...this.plan.shape, aggregates: [...this.plan.shape.aggregates, ...added] };
    return this.shaped(shape, [...this.plan.groupNames, ...Object.keys(aggregates)]);
  }

  /**
   * Looks at another map, or a view, as well. Rows have the joined record under `name`; fields of it begin with
   * that name in everything that follows. Null and what is missing match nothing.
   *
   * @example
   * ```ts
   * import { TopGunClient } from 'topgun';
   *
   * const client = new TopGunClient();
   * await client.start();
   * const people = client.getMap<{ name: string }>('people');
   * const orders = client.getMap<{ buyer: string; total: number }>('orders');
   * people.set('ann', { name: 'Ann' });
   * orders.set('1', { buyer: 'ann', total: 12 });
   * const { rows } = await client
   *   .query(orders)
   *   .join('person', people, { on: { buyer: '$key' } })
   *   .where('person.name', '=', 'Ann')
   *   .get();
   * console.log(rows[0]?.total, rows[0]?.person.name); // 12 Ann
   * await client.close();
   * ```
   */
  join<N extends string, J = unknown, const O extends JoinOptions<T, J> = JoinOptions<T, J>>(
    name: N,
    joined: Source<J>,
    options: O,
  ): Query<T, Joined<R, N, J, O>, K> {
    const { kind = 'inner', on, where } = options;
    const taken = this.plan.shape.joins.some((join) => join.name === name);
    if (typeof name !== 'string' || !/^[A-Za-z_]\w*$/.test(name) || taken) throw invalid(`not a name for a join: ${name}`);
    if (!Object.hasOwn(JoinKind, kind)) throw invalid(`not a join: ${String(kind)}`);
    const pairs = Object.entries(on as Record<string, string | undefined>);
    const join = {
      kind,
      relation: this.runner.relation(joined),
      name,
      on: pairs.flatMap(([left, right]) => (right === undefined ? [] : [[left, right] as const])),
      where: where === undefined ? [] : [predicateOf(where)],
    };
    if (join.on.length === 0) throw invalid('a join is on one pair of fields at least');
    return this.shaped({ ...this.plan.shape, joins: [...this.plan.shape.joins, join] }, this.plan.groupNames);
  }

  /** How the query is to be answered. A wish that cannot be followed is an error, `HintImpossible`. */
  hint(hint: Hint): Query<T, R, K> {
    return this.with({ hint: { ...this.plan.shape.hint, ...hint } });
  }

  /**
   * Who answers. `local`, the default: this replica, from the records it holds, online or offline. `server`: the
   * node, from all the records of the map that the client may see; nothing of the map is kept here but the answer.
   * Own writes are part of it once the node has them. Without a connection `get` waits for one, and a live query
   * shows what it knew last. `auto`: this replica where one of the maps is open or there is no server; else the node,
   * which joins maps and has views of its own (`docs/guides/live-views.md`), but knows none of this client's.
   */
  scope(scope: Scope): Query<T, R, K> {
    if (scope !== 'local' && scope !== 'server' && scope !== 'auto') throw invalid(`not a scope: ${String(scope)}`);
    return new Query(this.runner, { ...this.plan, scope });
  }

  /**
   * The result as it is now. What the node is asked must be answered within `timeoutMs`, 30,000 by default, or it is
   * `TimedOut`.
   */
  get(options: { readonly timeoutMs?: number } = {}): Promise<QueryResult<R>> {
    return this.runner.get(this.plan, options.timeoutMs ?? GET_TIMEOUT_MS);
  }

  /**
   * Calls `listener` with the rows, and again after every batch of writes that changes them, with the
   * steps that led there. `rows` is another array each time, and never changes afterwards. Returns a
   * function that ends it.
   */
  subscribe(
    listener: (rows: readonly R[], changes: readonly RowChange<R>[]) => void,
    onError?: (error: TopGunError) => void,
  ): () => void {
    return this.runner.subscribe(this.plan, listener, onError);
  }

  /**
   * As `subscribe`, but tells the steps alone: for those who keep a list of their own, or need none. A
   * change of a long list then costs nothing for what has not changed.
   */
  onChanges(
    listener: (changes: readonly RowChange<R>[]) => void,
    onError?: (error: TopGunError) => void,
  ): () => void {
    return this.runner.follow(this.plan, listener, onError);
  }

  /** The live result as an object to be looked at: the same one for equal queries. */
  observe(): ObservedQuery<R> {
    return this.runner.observe(this.plan);
  }

  /**
   * How the query would be answered; with `analyze`, it is answered, and what that took is told. Of a query to the
   * node the tree tells what each shard does, to those who may see all records of its maps.
   */
  explain(options: { readonly analyze?: boolean } = {}): Promise<Explanation> {
    return this.runner.explain(this.plan, options.analyze === true);
  }

  private with(shape: Partial<Shape>): Query<T, R, K> {
    return this.shaped({ ...this.plan.shape, ...shape }, this.plan.groupNames);
  }

  private shaped<Q, L extends RowKind>(shape: Shape, groupNames: readonly string[]): Query<T, Q, L> {
    const { relation, scope } = this.plan;
    // Whoever writes what cannot be asked wants to hear it there.
    QueryWriter.borrow((writer) => writer.query(shape, relation.shape, true));
    return new Query(this.runner, { relation, scope, shape, groupNames });
  }
}

/** The query that an object asks for. @internal */
export function queryOf<T, R>(runner: QueryRunner, relation: Relation, options: QueryOptions<T>): Query<T, R> {
  const { where, predicate, orderBy, sort, limit, offset, after, hint, scope } = options;
  let query = new Query<T, R>(runner, { relation, scope: 'local', shape: EMPTY, groupNames: [] });
  if (where !== undefined) query = query.where(where);
  if (predicate !== undefined) query = query.where(predicate);
  const order = orderBy ?? sort;
  if (order !== undefined) query = query.orderBy(order);
  if (limit !== undefined) query = query.limit(limit);
  if (offset !== undefined) query = query.offset(offset);
  if (after !== undefined) query = query.after(after);
  if (hint !== undefined) query = query.hint(hint);
  if (scope !== undefined) query = query.scope(scope);
  return query;
}

/** @internal */
export function idOf({ relation, scope, shape, groupNames }: QueryPlan): string {
  const asked = QueryWriter.borrow((writer) => {
    writer.query(shape, relation.shape, true);
    return textOf(writer.writer.take());
  });
  const names = [scope, relation.name, groupNames, shape.select, shape.joins.map(({ name }) => name)];
  return `${asked}:${JSON.stringify(names)}`;
}

function partOf(field: Attribute, direction: Direction): OrderPart {
  if (direction !== 'asc' && direction !== 'desc') throw invalid(`not a direction: ${String(direction)}`);
  return { field, descending: direction === 'desc' };
}

/** An order in any of its forms. @internal */
export function orderOf(order: unknown): OrderPart[] {
  if (typeof order === 'string') {
    return [order.startsWith('-') ? partOf(order.slice(1), 'desc') : partOf(order, 'asc')];
  }
  if (Array.isArray(order)) {
    return order.flatMap((part: unknown) => {
      if (!Array.isArray(part)) return orderOf(part);
      const [field, direction] = part as [string, Direction];
      return [partOf(field, direction)];
    });
  }
  if (typeof order !== 'object' || order === null) throw invalid('an order is text, an object or a list');
  return Object.entries(order).map(([field, direction]) => partOf(field, direction as Direction));
}

function whole(value: number, name: string): number {
  if (Number.isSafeInteger(value) && value >= 0) return value;
  throw invalid(`${name} is a whole number of at least 0`);
}

const DIGITS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

/** Bytes as text that may stand in an address, and back. @internal */
export function textOf(bytes: Uint8Array): string {
  let text = '';
  // Six bits a character. Not by `btoa`, which takes as long as the rest of a small answer.
  for (let i = 0; i < bytes.length; i += 3) {
    const three = (bytes[i]! << 16) | ((bytes[i + 1] ?? 0) << 8) | (bytes[i + 2] ?? 0);
    const used = Math.min(bytes.length - i, 3);
    for (let shift = 18; shift >= 18 - 6 * used; shift -= 6) text += DIGITS[(three >> shift) & 63]!;
  }
  return text;
}

function bytesOf(text: string): Uint8Array {
  try {
    const plain = atob(text.replaceAll('-', '+').replaceAll('_', '/'));
    return Uint8Array.from(plain, (unit) => unit.charCodeAt(0));
  } catch {
    throw invalid('not a cursor');
  }
}

function invalid(detail: string): TopGunError {
  return new TopGunError(ErrorCode.InvalidArgument, detail);
}
