import { asTopGunError, ErrorCode, type TopGunError } from '../errors.js';
import type { QueryClient } from './client.js';
import type { IndexKind, Shape } from './encode.js';
import { nameOf, type Attribute } from './field.js';
import type { Predicate } from './predicate.js';
import type { Explanation, QueryPlan, QueryResult } from './query.js';

/** When an index is advised, and whether it is made. */
export interface AdvisorOptions {
  /** Declares the indexes that queries to this replica lack. Default: only tells of them. */
  readonly create?: boolean;
  /** Indexes that are made at most. Default: 8. */
  readonly createMax?: number;
  /** How often queries of a shape are asked before one of them is explained. Default: 8. */
  readonly after?: number;
  /** Records that one query looks at before an index is worth its bytes. Default: 1,000. */
  readonly visitedMin?: number;
  /** What went wrong in the background: an index that could not be made. */
  readonly onError?: (error: TopGunError) => void;
}

/** An index that queries would be answered from, if it were there. */
export interface IndexAdvice {
  /** The map or view. */
  readonly map: string;
  /** As `createIndex` takes it. */
  readonly on: readonly string[];
  readonly kind: IndexKind;
  /** Whose records are looked at: those of this replica or the server's. */
  readonly scope: 'local' | 'server';
  /** What the queries have in common, without their constants: `city eq, order -createdAt, limit`. */
  readonly shape: string;
  /** How often such a query was asked, and the milliseconds until its answers in all. */
  readonly times: number;
  readonly ms: number;
  /** Records that the query looked at which was explained (in blocks, where it scans), and those that it gave. */
  readonly visited: number;
  readonly rows: number;
  /** The index was made, and queries use it. */
  readonly created: boolean;
  /** For queries to the server: the option that declares the index there. */
  readonly option: string | undefined;
}

/** All queries of one shape. */
interface Asked {
  readonly map: string;
  readonly shape: string;
  readonly wanted: Wanted;
  times: number;
  ms: number;
  /** At how many times one is explained next. */
  due: number;
  found: { readonly scope: 'local' | 'server'; readonly visited: number; readonly rows: number } | undefined;
  state: 'watched' | 'created' | 'useless';
}

interface Wanted {
  readonly on: readonly string[];
  readonly kind: IndexKind;
}

const SHAPES_MAX = 256;
const PARTS_MAX = 8;
/** An index is worth it if there are so many times fewer records to look at. */
const WASTE = 4;

/**
 * Watches the queries of a client that are answered once, and tells which index they lack. It costs a query now and
 * then: one of each shape is explained once it was asked often, again at four times as often, and so on.
 * It remembers 256 shapes; those that were not asked for longest go first.
 *
 * @example
 * ```ts
 * import { TopGunClient } from 'topgun';
 * import { IndexAdvisor } from 'topgun/advisor';
 *
 * const client = new TopGunClient();
 * await client.start();
 * const orders = client.getMap<{ city: string; total: number }>('orders');
 * for (let i = 0; i < 2000; i++) orders.set(`o${i}`, { city: `city ${i % 100}`, total: i });
 *
 * const advisor = new IndexAdvisor(client);
 * for (let i = 0; i < 10; i++) await client.query(orders).where('city', '=', `city ${i}`).orderBy('-total').get();
 * await advisor.settled();
 * const [advice] = advisor.advice();
 * console.log(advice?.on, advice?.times, advice?.rows); // [ 'city', '-total' ] 10 20
 * advisor.stop();
 * await client.close();
 * ```
 */
export class IndexAdvisor {
  private readonly client: QueryClient;
  private readonly options: Required<Omit<AdvisorOptions, 'onError'>> & Pick<AdvisorOptions, 'onError'>;
  /** By shape; those asked last are last. */
  private readonly asked = new Map<string, Asked>();
  private readonly restore: () => void;
  private work: Promise<void> = Promise.resolve();
  private created = 0;
  private stopped = false;

  constructor(client: QueryClient, options: AdvisorOptions = {}) {
    this.client = client;
    this.options = { create: false, createMax: 8, after: 8, visitedMin: 1000, ...options };
    const { queries } = client;
    const get = queries.get;
    const watched = async <R>(plan: QueryPlan, timeoutMs: number): Promise<QueryResult<R>> => {
      const begin = performance.now();
      const result = await get.call(queries, plan, timeoutMs);
      this.note(plan, performance.now() - begin);
      return result as QueryResult<R>;
    };
    queries.get = watched;
    // Another one may have come to watch meanwhile; then this one lets everything pass.
    this.restore = () => {
      if (queries.get === watched) queries.get = get;
    };
  }

  /** The indexes that are lacking or were made, the one that most was looked at in vain for first. */
  advice(): readonly IndexAdvice[] {
    const all = [...this.asked.values()].flatMap((asked): IndexAdvice[] => {
      const { map, shape, wanted, times, ms, found, state } = asked;
      if (found === undefined || state === 'useless') return [];
      const text = `${wanted.kind === 'ordered' ? '' : `${wanted.kind}:`}${wanted.on.join(',')}`;
      const option = found.scope === 'server' ? `--index ${map}:${text}` : undefined;
      return [{ map, ...wanted, shape, times, ms, ...found, created: state === 'created', option }];
    });
    const wasted = ({ times, visited, rows }: IndexAdvice): number => times * (visited - rows);
    return all.sort((a, b) => wasted(b) - wasted(a));
  }

  /** Resolves when what is due by now was explained and, if that is wanted, made. */
  settled(): Promise<void> {
    return this.work;
  }

  /** Watches no longer. Indexes that were made stay. */
  stop(): void {
    this.stopped = true;
    this.restore();
  }

  private note(plan: QueryPlan, ms: number): void {
    if (this.stopped || plan.shape.joins.length > 0) return;
    const wanted = wantedFor(plan.shape);
    if (wanted === undefined) return;
    const shape = textOfShape(plan.shape);
    const id = JSON.stringify([plan.relation.name, plan.scope, shape]);
    const asked = this.asked.get(id) ?? {
      map: plan.relation.name,
      shape,
      wanted,
      times: 0,
      ms: 0,
      due: this.options.after,
      found: undefined,
      state: 'watched',
    };
    this.asked.delete(id);
    this.asked.set(id, asked);
    asked.times++;
    asked.ms += ms;
    if (this.asked.size > SHAPES_MAX) {
      for (const oldest of this.asked.keys()) {
        this.asked.delete(oldest);
        break;
      }
    }
    if (asked.state !== 'watched' || asked.times < asked.due) return;
    asked.due = asked.times * 4;
    this.work = this.work.then(() => this.look(plan, asked)).catch((error: unknown) => {
      // Plans are told to those alone who may see all records.
      const isSecret = (error as { code?: unknown } | undefined)?.code === ErrorCode.Forbidden;
      if (!isSecret && !this.stopped) this.options.onError?.(asTopGunError(error, ErrorCode.InvalidArgument));
    });
  }

  private async look(plan: QueryPlan, asked: Asked): Promise<void> {
    const explanation = await this.client.queries.explain(plan, true);
    const scope = explanation['access'] === 'node' ? 'server' : 'local';
    const plans = scope === 'server' ? plansOfShards(explanation) : [explanation];
    const total = (name: string): number =>
      plans.reduce((sum, { actual }) => sum + Number((actual as Explanation | undefined)?.[name] ?? 0), 0);
    const visited = total('visited');
    const isCut = plan.shape.limit !== undefined && plan.shape.groupBy.length + plan.shape.aggregates.length === 0;
    const rows = total(isCut ? 'rows' : 'matched');
    const isWaste = visited >= this.options.visitedMin && visited >= WASTE * rows;
    asked.found = isWaste ? { scope, visited, rows } : undefined;
    if (!isWaste || scope === 'server' || !this.options.create || this.created >= this.options.createMax) return;
    const { kind, on } = asked.wanted;
    const fields = on as readonly `-${string}`[];
    const before = await this.client.indexes(asked.map);
    await this.client.createIndex(asked.map, { on: fields, kind });
    const made = (await this.client.indexes(asked.map)).find(({ name }) => before.every((each) => each.name !== name));
    if (made === undefined) return;
    // The planner knows better whether it is worth it.
    const { indexes } = await this.client.queries.explain(plan, false);
    const isUsed = Array.isArray(indexes) && indexes.includes(made.name);
    asked.state = isUsed ? 'created' : 'useless';
    if (isUsed) this.created++;
    else await this.client.dropIndex(asked.map, made.name);
  }
}

function plansOfShards(explanation: Explanation): readonly Explanation[] {
  const sides = explanation['sides'] as readonly { readonly shards: readonly { readonly plan: Explanation }[] }[];
  return sides.flatMap(({ shards }) => shards.map(({ plan }) => plan));
}

/** The conditions that must all hold. */
function conjuncts(predicates: readonly Predicate[]): Predicate[] {
  return predicates.flatMap((each) => (each.op === 'and' ? conjuncts(each.children) : [each]));
}

/** Names that stand for one field alone, in options of the server as well. */
function isPlain(field: Attribute): boolean {
  const steps = typeof field === 'string' ? [field] : field;
  return steps.every((step) => !/^-|[,:]/.test(step)) && (typeof field === 'string' || steps.every((step) => !step.includes('.')));
}

/** The one index that would answer most of it. */
function wantedFor({ where, order }: Shape): Wanted | undefined {
  const fieldsOf = (...ops: readonly string[]): string[] => {
    const names = conjuncts(where).flatMap((each) => {
      const isOne = 'attribute' in each && ops.includes(each.op) && isPlain(each.attribute);
      return isOne ? [nameOf(each.attribute)] : [];
    });
    return [...new Set(names)];
  };
  const equal = fieldsOf('eq', 'in').sort();
  if (equal.includes('_key')) return undefined;
  const ordered = order.every(({ field }) => isPlain(field))
    ? order.map(({ field, descending }) => `${descending ? '-' : ''}${nameOf(field)}`)
    : [];
  const ranges = fieldsOf('gt', 'gte', 'lt', 'lte', 'between', 'startsWith');
  const tail = ordered.length > 0 ? ordered : ranges.slice(0, 1);
  const rest = tail.filter((name) => !equal.includes(name.replace(/^-/, '')));
  const on = [...equal, ...rest].slice(0, PARTS_MAX).map((name) => name.replace(/_key$/, '$key'));
  if (on.length > 0) return { on, kind: 'ordered' };
  const [elements] = fieldsOf('containsAll', 'containsAny');
  if (elements !== undefined) return { on: [elements], kind: 'elements' };
  const [present] = fieldsOf('missing');
  return present === undefined ? undefined : { on: [present], kind: 'presence' };
}

/** What queries have in common that differ in constants alone. */
function textOfShape({ where, order, limit, groupBy }: Shape): string {
  const tests = where.map(textOfTest);
  const orders = order.map(({ field, descending }) => `${descending ? '-' : ''}${nameOf(field)}`);
  if (orders.length > 0) tests.push(`order ${orders.join(' ')}`);
  if (groupBy.length > 0) tests.push(`group ${groupBy.map(nameOf).join(' ')}`);
  if (limit !== undefined) tests.push('limit');
  return tests.join(', ');
}

function textOfTest(predicate: Predicate): string {
  if ('children' in predicate) return `(${predicate.children.map(textOfTest).join(` ${predicate.op} `)})`;
  if ('child' in predicate) return `not ${textOfTest(predicate.child)}`;
  return `${nameOf(predicate.attribute)} ${predicate.op}`;
}
