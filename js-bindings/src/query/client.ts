import { BaseClient } from '../client/client.js';
import type { LwwMap } from '../client/lww-map.js';
import type { TopGunClientOptions } from '../client/options.js';
import { ErrorCode, TopGunError, asTopGunError } from '../errors.js';
import type { Platform } from '../platform/platform.js';
import type { IndexKind, OrderPart } from './encode.js';
import { MirrorEngine } from './mirror-engine.js';
import { Queries } from './queries.js';
import { orderOf, queryOf, type OrderBy, type Query, type QueryOptions } from './query.js';

/** What an index is over; see `docs/queries.md` for what each kind answers. */
export interface IndexDefinition<T> {
  /** The fields, in order; for an ordered index, each ascending or, with `-`, descending. */
  readonly on: OrderBy<T>;
  /** Default: `ordered`. */
  readonly kind?: IndexKind;
  /** What hints and `explain` call it. Default: made from kind and fields. */
  readonly name?: string;
}

/** An index of a map. */
export interface IndexInfo {
  readonly name: string;
  readonly kind: IndexKind;
  readonly on: readonly string[];
  /** Complete, and used by queries. */
  readonly ready: boolean;
  /** Bytes that it takes. */
  readonly bytes: number;
}

/** A client that answers queries, besides everything else that a client does. */
export class QueryClient extends BaseClient {
  private readonly queries: Queries;
  private readonly agreed = new Set<string>();
  /** What answers while another tab has the replica; made when it is asked for the first time. */
  private mirror: MirrorEngine | undefined;
  private opening: Promise<void> | undefined;

  /** @internal Applications use `TopGunClient`, which knows its platform. */
  constructor(options: TopGunClientOptions, platform: Platform) {
    super(options, platform);
    const { session } = this;
    this.queries = new Queries({
      map: (name) => this.getMap<unknown>(name),
      handle: (name) => this.handleOf(name),
      settled: (map) => options.serverUrl === undefined || this.agreed.has(map),
      reportError: (error) => this.reportError(error),
      ready: () => this.engineReady(platform),
    });
    session.replica.queries = {
      attach: (host) => {
        this.dropMirror();
        this.queries.attach(host);
      },
      applyEvent: (code, payload) => this.queries.applyEvent(code, payload),
      notify: () => this.queries.notify(),
    };
    this.on('synced', ({ map }) => {
      if (this.agreed.has(map)) return;
      this.agreed.add(map);
      this.queries.synced(map);
    });
  }

  override async close(): Promise<void> {
    await super.close();
    this.dropMirror();
  }

  /**
   * A query over the records of a map, to be refined by its methods or by `options`. Opens the map if
   * it is not open. Nothing is asked before `get`, `subscribe` or `observe`.
   *
   * @example
   * ```ts
   * import { TopGunClient } from 'topgun';
   *
   * const client = new TopGunClient();
   * await client.start();
   * const orders = client.getMap<{ city: string; total: number }>('orders');
   * orders.set('a', { city: 'Oslo', total: 12 });
   * orders.set('b', { city: 'Bern', total: 30 });
   * const { rows } = await client
   *   .query(orders, { where: { total: { $gt: 10 } }, orderBy: '-total', limit: 1 })
   *   .get();
   * console.log(rows[0]?.city); // Bern
   * await client.close();
   * ```
   */
  query<T>(map: string | LwwMap<T>, options: QueryOptions<T> = {}): Query<T> {
    return queryOf(this.queries, nameOf(map), options);
  }

  /**
   * Declares an index: queries are answered from it once it is built, which happens beside everything
   * else. Resolves by then. Indexes live in memory; declare them after each start. Declaring the same
   * index again changes nothing.
   *
   * @example
   * ```ts
   * import { TopGunClient } from 'topgun';
   *
   * const client = new TopGunClient();
   * await client.start();
   * const orders = client.getMap<{ city: string; createdAt: number }>('orders');
   * await client.createIndex(orders, { on: ['city', '-createdAt'] });
   * console.log((await client.indexes(orders)).map(({ name }) => name)); // [ 'city,-createdAt' ]
   * await client.close();
   * ```
   */
  createIndex<T>(map: string | LwwMap<T>, definition: IndexDefinition<T>): Promise<void> {
    const { kind = 'ordered' } = definition;
    const parts = orderOf(definition.on);
    const name = definition.name ?? defaultName(kind, parts);
    return this.queries.createIndex(nameOf(map), { name, kind, parts });
  }

  /** Forgets an index. Rejects if there is none of this name. */
  dropIndex<T>(map: string | LwwMap<T>, name: string): Promise<void> {
    return this.queries.dropIndex(nameOf(map), name);
  }

  private handleOf(name: string): number {
    const handle = this.session.handleOf(name);
    this.mirror?.follow(handle, this.getMap(name));
    return handle;
  }

  private async engineReady(platform: Platform): Promise<void> {
    if (this.status === 'closed') throw new TopGunError(ErrorCode.Closed, 'the client was closed');
    await this.session.ready;
    if (this.session.role !== 'follower' || this.mirror !== undefined) return;
    await (this.opening ??= this.openMirror(platform).finally(() => (this.opening = undefined)));
  }

  private async openMirror(platform: Platform): Promise<void> {
    const factory = await platform.loadEngine();
    const mirror = await MirrorEngine.open(factory, this.queries, () => this.mirrorLost(platform));
    // We may have come to lead meanwhile.
    if (this.session.role !== 'follower' || this.status === 'closed') return mirror.close();
    this.mirror = mirror;
    this.queries.attach(mirror.host);
  }

  private mirrorLost(platform: Platform): void {
    this.mirror = undefined;
    this.reportError(new TopGunError(ErrorCode.EngineTrap, 'the engine of queries'));
    this.engineReady(platform).catch((error: unknown) => {
      this.reportError(asTopGunError(error, ErrorCode.EngineTrap));
    });
  }

  private dropMirror(): void {
    this.mirror?.close();
    this.mirror = undefined;
  }

  /** The indexes of a map, in the order of their declaration. */
  async indexes<T>(map: string | LwwMap<T>): Promise<readonly IndexInfo[]> {
    const states = await this.queries.listIndexes(nameOf(map));
    return states.map(({ name, kind, parts, ready, bytes }) => ({
      name,
      kind,
      on: parts.map(spell),
      ready,
      bytes,
    }));
  }
}

function nameOf(map: string | { readonly name: string }): string {
  if (typeof map === 'string') return map;
  if (typeof map?.name === 'string') return map.name;
  throw new TopGunError(ErrorCode.InvalidArgument, 'a query is over a map, or the name of one');
}

function spell({ path, descending }: OrderPart): string {
  return `${descending ? '-' : ''}${path === 'key' ? '$key' : path.join('.')}`;
}

function defaultName(kind: IndexKind, parts: readonly OrderPart[]): string {
  const fields = parts.map(spell).join(',');
  return kind === 'ordered' ? fields : `${kind}:${fields}`;
}
