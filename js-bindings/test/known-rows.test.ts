import assert from 'node:assert/strict';
import { encodeValue, ValueWriter } from '../src/value/msgpack.js';
import { queryClientOn } from './support/clients.js';
import { onQueryCores } from './support/queries.js';

interface Order {
  city: string;
  total: number;
}

const ORDERS: Record<string, Order> = {
  a: { city: 'Oslo', total: 12 },
  b: { city: 'Bern', total: 30 },
  c: { city: 'Oslo', total: 7 },
  d: { city: 'Rome', total: 30 },
};

onQueryCores('rows are the same objects from answer to answer until their record is written', async (factory) => {
  const client = queryClientOn(factory);
  await client.start();
  const orders = client.getMap<Order>('orders');
  for (const [key, order] of Object.entries(ORDERS)) orders.set(key, order);
  const all = client.query(orders).orderBy('total');
  const rows = async () => (await all.get()).rows;
  const first = await rows();
  assert.ok((await rows()).every((row, i) => row === first[i]));
  orders.set('b', { city: 'Bern', total: 31 });
  const second = await rows();
  assert.deepEqual(second.map(({ _key }) => _key), ['c', 'a', 'd', 'b']);
  assert.deepEqual(second[3], { city: 'Bern', total: 31, _key: 'b' });
  assert.equal(second[0], first[0]);
  // The number of a row that is gone is given to another.
  orders.delete('c');
  orders.set('e', { city: 'Paris', total: 1 });
  assert.deepEqual((await rows())[0], { city: 'Paris', total: 1, _key: 'e' });
  const cities = async () => (await all.select('city').limit(1).get()).rows;
  assert.deepEqual(await cities(), [{ city: 'Paris', _key: 'e' }]);
  assert.deepEqual(await cities(), [{ city: 'Paris', _key: 'e' }]);
  const followed = await new Promise<readonly object[]>((resolve) => all.limit(2).subscribe(resolve));
  assert.equal(followed[1], first[1]);
  assert.deepEqual(followed[0], { city: 'Paris', total: 1, _key: 'e' });
  await client.close();
});

onQueryCores('what a query showed before a map was loaded again is not shown for good', async (factory) => {
  const client = queryClientOn(factory);
  await client.start();
  const notes = client.getMap<{ text: string }>('notes');
  notes.set('a', { text: 'kept' });
  await client.flush();
  const texts = async () => (await client.query(notes).get()).rows.map(({ text }) => text);
  // As with a write that the engine refuses: it is shown until the map is loaded again.
  const { mirror } = notes as unknown as { mirror: Map<string, object> };
  mirror.set('a', { text: 'refused' });
  assert.deepEqual(await texts(), ['refused']);
  const writer = new ValueWriter();
  encodeValue({ text: 'kept' }, writer);
  const value = { bytes: writer.bytes, offset: 0, length: writer.size };
  notes.beginReload();
  notes.applyEvent({ type: 'entry', map: 0, key: 'a', value, expiresAtMs: 0, written: false });
  notes.endReload();
  assert.deepEqual(await texts(), ['kept']);
  assert.deepEqual(await texts(), ['kept']);
  await client.close();
});

onQueryCores('rows of records that are gone are given up', async (factory) => {
  const client = queryClientOn(factory);
  await client.start();
  const numbers = client.getMap<number>('numbers');
  for (let i = 0; i < 10_000; i++) numbers.set(`n${i}`, i);
  const all = client.query(numbers);
  assert.equal((await all.get()).rows.length, 10_000);
  for (let i = 1; i < 10_000; i++) numbers.delete(`n${i}`);
  const one = all.limit(1);
  for (let i = 0; i < 300; i++) assert.deepEqual((await one.get()).rows, [{ value: 0, _key: 'n0' }]);
  await client.close();
});

onQueryCores('an engine that is attached again numbers rows anew', async (factory) => {
  const client = queryClientOn(factory);
  await client.start();
  const notes = client.getMap<{ text: string }>('notes');
  notes.set('a', { text: 'one' });
  const texts = async () => (await client.query(notes).get()).rows.map(({ text }) => text);
  assert.deepEqual(await texts(), ['one']);
  const { queries } = client as unknown as { queries: { link: { host: object }; attach(host: object): void } };
  queries.attach(queries.link.host);
  assert.deepEqual(await texts(), ['one']);
  notes.set('a', { text: 'two' });
  assert.deepEqual(await texts(), ['two']);
  await client.close();
});
