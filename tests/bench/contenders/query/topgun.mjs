// TopGun in WebAssembly, as an application uses it: each question is a query of the client.

import { count, sum, TopGunClient } from 'topgun';

export async function openTopgun(orders) {
  const client = new TopGunClient();
  await client.start();
  if (client.engine !== 'wasm') throw new Error(`this is the ${client.engine} core: set TOPGUN_CORE=wasm`);
  const map = client.getMap('orders');
  for (const order of orders) map.set(order.id, order);
  const open = client.query(map).where('status', '=', 'open').where('age', '>', 60).aggregate({ count: count() });
  const cities = client.query(map).groupBy('city').aggregate({ count: count(), sum: sum('quantity') });
  const latest = client.query(map).orderBy('-created').limit(20);
  const rowsOf = async (query) => (await query.get()).rows;
  return {
    index: (fields) => client.createIndex(map, { on: fields }),
    order: (id) => rowsOf(client.query(map).where('$key', '=', id)),
    countOpen: async () => (await rowsOf(open))[0].count,
    latest: (city) => rowsOf(latest.where('city', '=', city)),
    cities: () => rowsOf(cities),
    close: () => client.close(),
  };
}
