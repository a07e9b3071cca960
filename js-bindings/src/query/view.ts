import type { Relation } from './encode.js';
import { queryOf, type Query, type QueryOptions, type QueryRunner } from './query.js';

/** What a view asks of the client. @internal */
export interface ViewOwner extends QueryRunner {
  dropView(name: string): Promise<void>;
}

/**
 * What a query gives, kept as records of its own: never behind, because each batch of writes changes it
 * by what it changes. Asked, followed, indexed and viewed like a map.
 *
 * @example
 * ```ts
 * import { TopGunClient, sum } from 'topgun';
 *
 * const client = new TopGunClient();
 * await client.start();
 * const orders = client.getMap<{ city: string; total: number }>('orders');
 * const byCity = client.view('by city', client.query(orders).groupBy('city').aggregate({ total: sum('total') }));
 * orders.set('1', { city: 'Oslo', total: 12 });
 * orders.set('2', { city: 'Bern', total: 30 });
 * const { rows } = await byCity.query({ orderBy: '-total', limit: 1 }).get();
 * console.log(rows[0]?.city); // Bern
 * await byCity.drop();
 * await client.close();
 * ```
 */
export class View<R> {
  readonly name: string;
  /** Resolves when the view is there; rejects if it cannot be. */
  readonly ready: Promise<void>;
  /** @internal */
  readonly relation: Relation;
  /** Only for the type of its records. */
  declare readonly records?: R;
  private readonly owner: ViewOwner;

  /** @internal Made by `client.view`. */
  constructor(owner: ViewOwner, relation: Relation, ready: Promise<void>) {
    this.owner = owner;
    this.relation = relation;
    this.name = relation.name;
    this.ready = ready;
    // Whoever asks the view hears of it, too.
    ready.catch(() => undefined);
  }

  /** A query over the records of the view. */
  query(options: QueryOptions<R> = {}): Query<R, R> {
    return queryOf(this.owner, this.relation, options);
  }

  /** Forgets the view. Rejects while live queries with joins, or other views, look at it. */
  drop(): Promise<void> {
    return this.owner.dropView(this.name);
  }
}
