import { memoryStorage, TopGunClient } from 'topgun';

/** A client without a server or a store, like the contenders beside it. */
export async function open(orders, zones, told) {
  const client = new TopGunClient({ storage: memoryStorage() });
  await client.start();
  const map = client.getMap('orders');
  for (const order of orders) map.set(order.id, order);
  const queries = zones.map((zone) => {
    const query = client.query(map).where('zone', '=', zone).orderBy('-created').limit(50);
    query.onChanges(told);
    return query;
  });
  const observed = queries[0].observe();
  return {
    write: (order) => map.set(order.id, order),
    rows: () => observed.getSnapshot().rows.map(({ id }) => id),
  };
}
