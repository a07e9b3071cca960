import { Command } from '../bindings/commands.js';
import type { EngineFactory } from '../bindings/engine.js';
import type { LwwMap } from '../client/lww-map.js';
import { indexOf, type IndexDefinition } from '../query/index-definition.js';
import type { IndexState } from '../query/indexes.js';
import { NodeQueries } from '../query/node-queries.js';
import { Queries } from '../query/queries.js';
import { queryOf, type Query, type QueryOptions, type RowKind, type Source } from '../query/query.js';
import type { Row } from '../query/rows.js';
import type { View } from '../query/view.js';
import { EdgeReplica, type EdgeReplicaOptions } from './replica.js';

/**
 * A replica at the edge that answers queries as well, from the records in its isolate. They are as old as
 * `stalenessMs` says: ask after `fresh`.
 *
 * @example
 * ```ts
 * import { createEdgeReplica } from 'topgun/edge/queries';
 *
 * const replica = createEdgeReplica({ serverUrl: 'http://localhost:8080', maxStalenessMs: 2_000 });
 * const products = replica.getMap<{ name: string; price: number }>('products');
 * const cheapest = replica.query(products, { orderBy: 'price', limit: 10 });
 *
 * async function handle(): Promise<Response> {
 *   await replica.fresh();
 *   const { rows } = await cheapest.get();
 *   return Response.json(rows.map(({ name }) => name));
 * }
 * console.log(await (await handle()).json()); // []
 * ```
 */
export class EdgeQueryReplica extends EdgeReplica {
  private readonly all: Queries;

  /** @internal Made by `createEdgeReplica`, which knows its platform. */
  constructor(options: EdgeReplicaOptions, load: () => Promise<EngineFactory>) {
    super(options, load);
    const node = new NodeQueries(() => undefined);
    this.all = new Queries(
      {
        map: (name) => this.getMap<unknown>(name),
        handle: (name) => this.handleOf(name),
        settled: () => this.stalenessMs < Infinity,
        isOpen: (name) => this.opened.get(name)?.map.closed === false,
        hasServer: () => true,
        isOnline: () => this.stalenessMs < Infinity,
        reportError: (error) => this.failed(error),
        ready: () => this.tick(),
        carry: (done, timeoutMs) => this.boot().then(() => this.reach(done, timeoutMs)),
      },
      node,
    );
    this.queries = {
      attach: (host) => {
        this.all.attach(host);
        node.attach(host);
      },
      applyEvent: (code, payload) => this.all.applyEvent(code, payload),
      askAgain: () => undefined,
      notify: () => this.all.notify(),
    };
  }

  /**
   * A query as that of the client. `local`, the default, opens the map, answers from this isolate and asks
   * nobody; `server` has the origin answer, in a request of its own. A live query hears of changes when `fresh`
   * or `write` bring them, since nothing happens in between.
   */
  query<R>(view: View<R>, options?: QueryOptions<R>): Query<R, R>;
  query<T>(map: string | LwwMap<T>, options?: QueryOptions<T>): Query<T>;
  query<T>(source: Source<T>, options: QueryOptions<T> = {}): Query<T, Row<T>> {
    return queryOf(this.all, this.all.relation(source), options);
  }

  /** Keeps what a query gives as records of its own, up to date with what `fresh` and `write` bring. */
  view<T, R, K extends RowKind>(name: string, query: Query<T, R, K>): View<R> {
    return this.all.defineView<R>(name, query.plan);
  }

  /** Declares an index, and resolves when it is built. The isolate keeps it as long as it keeps the maps. */
  async createIndex<T>(map: Source<T>, definition: IndexDefinition<T>): Promise<void> {
    let isBuilt = false;
    const built = this.all.createIndex(this.all.relation(map), indexOf(definition)).finally(() => {
      isBuilt = true;
    });
    // An index grows a step with each command: without timers nobody else gives one.
    const grow = async (): Promise<void> => {
      while (!isBuilt) await this.tick();
    };
    await Promise.all([built, grow()]);
  }

  /** Forgets an index. Rejects if there is none of this name. */
  dropIndex<T>(map: Source<T>, name: string): Promise<void> {
    return this.all.dropIndex(this.all.relation(map), name);
  }

  /** The indexes of a map or view, in the order of their declaration. */
  indexes<T>(map: Source<T>): Promise<readonly IndexState[]> {
    return this.all.listIndexes(this.all.relation(map));
  }

  override close(): void {
    super.close();
    this.all.node.close();
  }

  /** An engine that has noticed what time it is. */
  private async tick(): Promise<void> {
    await this.boot();
    this.host.tell((buffer) => buffer.plain(Command.Tick));
  }

  private handleOf(name: string): number {
    this.getMap(name);
    return this.opened.get(name)?.handle ?? 0;
  }
}
