import { createQueries, createStore } from 'tinybase';

const withoutId = ({ id: _, ...cells }) => cells;

export async function open(orders, zones, told) {
  const store = createStore().setTables({ orders: Object.fromEntries(orders.map((order) => [order.id, withoutId(order)])) });
  const queries = createQueries(store);
  for (const zone of zones) {
    queries.setQueryDefinition(zone, 'orders', ({ select, where }) => {
      select('created');
      where('zone', zone);
    });
    queries.addResultSortedRowIdsListener(zone, 'created', true, 0, 50, told);
  }
  return {
    write: (order) => store.setRow('orders', order.id, withoutId(order)),
    rows: () => queries.getResultSortedRowIds(zones[0], 'created', true, 0, 50),
  };
}
