// TopGun in WebAssembly, as an application uses it: every write is a `set`, stamped, merged and put into
// the outbox, and live queries call back with rows.

import { count, sum, TopGunClient } from 'topgun';

export class TopGun {
  static async open(orders, customers) {
    const client = new TopGunClient();
    await client.start();
    if (client.engine !== 'wasm') throw new Error(`this is the ${client.engine} core: set TOPGUN_CORE=wasm`);
    return new TopGun(client, orders, customers);
  }

  constructor(client, orders, customers) {
    this.client = client;
    this.orders = client.getMap('orders');
    this.customers = client.getMap('customers');
    for (const [id, order] of orders) this.orders.set(id, order);
    for (const [id, customer] of customers) this.customers.set(id, customer);
  }

  write(order) {
    this.orders.set(order.id, order);
  }

  writeCustomer(customer) {
    this.customers.set(customer.id, customer);
  }

  follow(query, keep) {
    query.onChanges(() => {});
    if (keep) this.observed = query.observe();
  }

  get current() {
    return this.observed.getSnapshot().rows;
  }

  followWindow() {
    this.follow(this.client.query(this.orders).where('age', '>', 57).orderBy('-created').limit(20), true);
  }

  /** Ten times as many as are asked for, each of another zone. */
  followLatest(zones) {
    const all = [...zones, ...Array.from({ length: 9 * zones.length }, (_, i) => `delivery-zone-${zones.length + i}`)];
    all.forEach((zone, i) => {
      this.follow(this.client.query(this.orders).where('zone', '=', zone).orderBy('-created').limit(50), i === 0);
    });
  }

  followGroups() {
    const totals = { count: count(), sum: sum('quantity') };
    this.follow(this.client.query(this.orders).groupBy('status').aggregate(totals), true);
  }

  followSorted() {
    this.follow(this.client.query(this.orders).orderBy(['created', 'id']), true);
  }

  followJoin() {
    const joined = this.client.query(this.orders).join('buyer', this.customers, { on: { customer: '$key' } });
    this.follow(joined.select('id', 'customer', 'buyer.tier'), true);
  }

  rows() {
    return this.current.map(({ id }) => id);
  }

  groups() {
    return this.current.map(({ status, count: n, sum: total }) => ({ status, count: n, sum: total }));
  }

  pairs() {
    return this.current.map(({ id, customer, 'buyer.tier': tier }) => ({ id, customer, tier }));
  }
}
