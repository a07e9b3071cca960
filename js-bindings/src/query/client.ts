import { BaseClient } from '../client/client.js';
import type { LwwMap } from '../client/lww-map.js';
import type { TopGunClientOptions } from '../client/options.js';
import { ErrorCode, TopGunError, asTopGunError } from '../errors.js';
import type { Platform } from '../platform/platform.js';
import { indexOf, type IndexDefinition } from './index-definition.js';
import type { IndexState } from './indexes.js';
import { MirrorEngine } from './mirror-engine.js';
import { NodeQueries } from './node-queries.js';
import { Queries } from './queries.js';
import { queryOf, type Query, type QueryOptions, type RowKind, type Source } from './query.js';
import type { Row } from './rows.js';
import type { View } from './view.js';

/** A client that answers queries, besides everything else that a client does. */
export class QueryClient extends BaseClient {
  /** @internal */
  readonly queries: Queries;
  private readonly agreed = new Set<string>();
  /** What answers while another tab has the replica; made when it is asked for the first time. */
  private mirror: MirrorEngine | undefined;
  private opening: Promise<void> | undefined;

  /** @internal Applications use `TopGunClient`, which knows its platform. */
  constructor(options: TopGunClientOptions, platform: Platform) {
    super(options, platform);
    const { session } = this;
    const node = new NodeQueries(() => session.follower);
    this.queries = new Queries({
      map: (name) => this.getMap<unknown>(name),
      handle: (name) => this.handleOf(name),
      settled: (map) => options.serverUrl === undefined || this.agreed.has(map),
      isOpen: (map) => this.maps.get(map)?.map.closed === false,
      hasServer: () => options.serverUrl !== undefined,
      isOnline: () => this.status === 'online',
      reportError: (error) => this.reportError(error),
      ready: () => this.engineReady(platform),
    }, node);
    session.replica.queries = {
      attach: (host) => {
        this.dropMirror();
        this.queries.attach(host);
        node.attach(host);
      },
      applyEvent: (code, payload) => this.queries.applyEvent(code, payload),
      askAgain: () => this.queries.askAgain(),
      notify: () => this.queries.notify(),
    };
    this.on('status', () => this.queries.connectionChanged());
    this.on('synced', ({ map }) => {
      if (this.agreed.has(map)) return;
      this.agreed.add(map);
      this.queries.synced(map);
    });
  }

  override async close(): Promise<void> {
    await super.close();
    this.queries.node.close();
    this.dropMirror();
  }

  /**
   * A query over the records of a map, to be refined by its methods or by `options`. Opens the map if
   * it is not open, unless the node answers ({@link Query.scope}). Nothing is asked before `get`, `subscribe` or `observe`.
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
  query<R>(view: View<R>, options?: QueryOptions<R>): Query<R, R>;
  query<T>(map: string | LwwMap<T>, options?: QueryOptions<T>): Query<T>;
  query<T>(source: Source<T>, options: QueryOptions<T> = {}): Query<T, Row<T>> {
    return queryOf(this.queries, this.queries.relation(source), options);
  }

  /**
   * Keeps what a query gives as records of its own, up to date with every write. Views live in memory; define
   * them after each start. The name must be that of no map and no other view.
   */
  view<T, R, K extends RowKind>(name: string, query: Query<T, R, K>): View<R> {
    return this.queries.defineView<R>(name, query.plan);
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
  createIndex<T>(map: Source<T>, definition: IndexDefinition<T>): Promise<void> {
    return this.queries.createIndex(this.queries.relation(map), indexOf(definition));
  }

  /** Forgets an index. Rejects if there is none of this name. */
  dropIndex<T>(map: Source<T>, name: string): Promise<void> {
    return this.queries.dropIndex(this.queries.relation(map), name);
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

  /** The indexes of a map or view, in the order of their declaration. */
  indexes<T>(map: Source<T>): Promise<readonly IndexState[]> {
    return this.queries.listIndexes(this.queries.relation(map));
  }
}
