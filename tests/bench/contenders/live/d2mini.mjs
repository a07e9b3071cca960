// d2mini: one graph of operators a question; results are kept by whoever listens.

import { D2, MultiSet, filter, groupBy, groupByOperators, join, map, orderBy, output } from '@electric-sql/d2mini';

const { count, sum } = groupByOperators;

/** Rows of a result by key, as many times as the changes say. */
class Result {
  constructor() {
    this.rows = new Map();
  }

  take(changes) {
    const gone = [];
    for (const [[key, row], times] of changes.getInner()) {
      if (times > 0) this.rows.set(key, row);
      else gone.push([key, row]);
    }
    for (const [key, row] of gone) {
      if (this.rows.get(key) === row) this.rows.delete(key);
    }
  }
}

export class D2Mini {
  constructor(orders, customers) {
    this.orders = orders;
    this.customers = customers;
    this.graph = new D2();
    this.input = this.graph.newInput();
    this.result = new Result();
  }

  start(...pipelines) {
    for (const pipeline of pipelines) pipeline(this.input);
    this.graph.finalize();
    this.input.sendData(new MultiSet([...this.orders].map((entry) => [entry, 1])));
    this.joined?.sendData(new MultiSet([...this.customers].map((entry) => [entry, 1])));
    this.graph.run();
  }

  write(order) {
    this.input.sendData(new MultiSet([[[order.id, this.orders.get(order.id)], -1], [[order.id, order], 1]]));
    this.orders.set(order.id, order);
    this.graph.run();
  }

  writeCustomer(customer) {
    this.joined.sendData(new MultiSet([[[customer.id, this.customers.get(customer.id)], -1], [[customer.id, customer], 1]]));
    this.customers.set(customer.id, customer);
    this.graph.run();
  }

  latest(condition, limit, result) {
    return (input) =>
      input.pipe(
        filter(([, order]) => condition(order)),
        orderBy((order) => -order.created, { limit }),
        output((changes) => result.take(changes)),
      );
  }

  followWindow() {
    this.start(this.latest((order) => order.age > 57, 20, this.result));
  }

  followLatest(zones) {
    this.start(...zones.map((zone, i) => this.latest((order) => order.zone === zone, 50, i === 0 ? this.result : new Result())));
  }

  followGroups() {
    this.start((input) =>
      input.pipe(
        map(([, order]) => order),
        groupBy((order) => ({ status: order.status }), { count: count(), sum: sum((order) => order.quantity) }),
        output((changes) => this.result.take(changes)),
      ));
  }

  followSorted() {
    this.start((input) =>
      input.pipe(
        orderBy((order) => order.created * 1e7 + Number(order.id.slice(6)), {}),
        output((changes) => this.result.take(changes)),
      ));
  }

  followJoin() {
    this.joined = this.graph.newInput();
    this.start((input) =>
      input.pipe(
        map(([, order]) => [order.customer, order]),
        join(this.joined, 'inner'),
        map(([, [order, customer]]) => [order.id, { id: order.id, customer: customer.id, tier: customer.tier }]),
        output((changes) => this.result.take(changes)),
      ));
  }

  rows() {
    return [...this.result.rows.values()].sort((a, b) => b.created - a.created).map((order) => order.id);
  }

  groups() {
    return [...this.result.rows.values()];
  }

  pairs() {
    return [...this.result.rows.values()];
  }
}
