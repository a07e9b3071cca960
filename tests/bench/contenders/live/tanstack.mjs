// TanStack DB: collections fed by a sync function, live queries as collections.

import { count, createCollection, createLiveQueryCollection, eq, gt, sum } from '@tanstack/db';

function source(rows) {
  let sync;
  const collection = createCollection({
    getKey: (row) => row.id,
    startSync: true,
    sync: {
      sync: (functions) => {
        sync = functions;
        sync.begin();
        for (const value of rows) sync.write({ type: 'insert', value });
        sync.commit();
        sync.markReady();
      },
    },
  });
  const write = (value) => {
    sync.begin();
    sync.write({ type: 'update', value });
    sync.commit();
  };
  return { collection, write };
}

function follow(query) {
  const live = createLiveQueryCollection({ query, startSync: true });
  live.subscribeChanges(() => {}, { includeInitialState: true });
  return live;
}

export class TanStack {
  constructor(orders, customers) {
    this.orders = source(orders.values());
    this.customers = source(customers.values());
  }

  write(order) {
    this.orders.write(order);
  }

  writeCustomer(customer) {
    this.customers.write(customer);
  }

  followWindow() {
    this.live = follow((q) =>
      q.from({ o: this.orders.collection }).where(({ o }) => gt(o.age, 57)).orderBy(({ o }) => o.created, 'desc').limit(20));
  }

  followLatest(zones) {
    const all = zones.map((zone) =>
      follow((q) =>
        q.from({ o: this.orders.collection }).where(({ o }) => eq(o.zone, zone)).orderBy(({ o }) => o.created, 'desc').limit(50)));
    this.live = all[0];
  }

  followGroups() {
    this.live = follow((q) =>
      q.from({ o: this.orders.collection }).groupBy(({ o }) => o.status)
        .select(({ o }) => ({ status: o.status, count: count(o.id), sum: sum(o.quantity) })));
  }

  followSorted() {
    this.live = follow((q) => q.from({ o: this.orders.collection }).orderBy(({ o }) => o.created, 'asc').orderBy(({ o }) => o.id, 'asc'));
  }

  followJoin() {
    this.live = follow((q) =>
      q.from({ o: this.orders.collection })
        .join({ c: this.customers.collection }, ({ o, c }) => eq(o.customer, c.id), 'inner')
        .select(({ o, c }) => ({ id: o.id, customer: c.id, tier: c.tier })));
  }

  rows() {
    return this.live.toArray.map((row) => row.id);
  }

  groups() {
    return this.live.toArray;
  }

  pairs() {
    return this.live.toArray;
  }
}
