// TinyBase: tables, and query definitions with listeners.

import { createQueries, createStore } from 'tinybase';

const withoutId = ({ id: _, ...cells }) => cells;

export class TinyBase {
  constructor(orders, customers) {
    const table = (rows) => Object.fromEntries([...rows].map(([id, row]) => [id, withoutId(row)]));
    this.store = createStore().setTables({ orders: table(orders), customers: table(customers) });
    this.queries = createQueries(this.store);
  }

  write(order) {
    this.store.setRow('orders', order.id, withoutId(order));
  }

  writeCustomer(customer) {
    this.store.setRow('customers', customer.id, withoutId(customer));
  }

  latest(id, column, condition, limit) {
    this.queries.setQueryDefinition(id, 'orders', ({ select, where }) => {
      select('created');
      if (condition) where((cell) => condition(cell(column)));
    });
    this.queries.addResultSortedRowIdsListener(id, 'created', true, 0, limit, () => {});
  }

  followWindow() {
    this.latest('q', 'age', (age) => age > 57, 20);
    this.rows = () => this.queries.getResultSortedRowIds('q', 'created', true, 0, 20);
  }

  followLatest(zones) {
    zones.forEach((zone, i) => this.latest(`q${i}`, 'zone', (own) => own === zone, 50));
    this.rows = () => this.queries.getResultSortedRowIds('q0', 'created', true, 0, 50);
  }

  followGroups() {
    this.queries.setQueryDefinition('q', 'orders', ({ select, group }) => {
      select('status');
      select('quantity');
      select('created');
      group('quantity', 'sum').as('sum');
      group('created', 'count').as('count');
    });
    this.queries.addResultTableListener('q', () => {});
  }

  followSorted() {
    this.queries.setQueryDefinition('q', 'orders', ({ select }) => select('created'));
    this.queries.addResultSortedRowIdsListener('q', 'created', false, 0, undefined, () => {});
    this.rows = () => this.queries.getResultSortedRowIds('q', 'created', false);
  }

  followJoin() {
    this.queries.setQueryDefinition('q', 'orders', ({ select, join }) => {
      select('customer');
      select('customers', 'tier');
      join('customers', 'customer');
    });
    this.queries.addResultTableListener('q', () => {});
  }

  groups() {
    return Object.values(this.queries.getResultTable('q'));
  }

  pairs() {
    return Object.entries(this.queries.getResultTable('q')).map(([id, { customer, tier }]) => ({ id, customer, tier }));
  }
}
