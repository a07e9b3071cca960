import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { WebSocket } from 'ws';
import type { EngineFactory } from '../src/bindings/engine.js';
import { IndexAdvisor, type AdvisorOptions } from '../src/query/advisor.js';
import { QueryClient } from '../src/query/client.js';
import { count } from '../src/query/query.js';
import { memoryStorage } from '../src/storage/memory.js';
import { webSockets, type WebSocketConstructor } from '../src/transport/websocket.js';
import { queryClientOn } from './support/clients.js';
import { queryFactories, testOnCores } from './support/cores.js';
import { onQueryCores } from './support/queries.js';
import { TestServer } from './support/server.js';

interface Order {
  city: string;
  total: number;
  tags: string[];
}

const order = (n: number): Order => ({ city: `city ${n % 100}`, total: n, tags: [`tag ${n % 50}`] });

async function watched(factory: EngineFactory, t: TestContext, options: AdvisorOptions) {
  const client = queryClientOn(factory);
  t.after(() => client.close());
  await client.start();
  const orders = client.getMap<Order>('orders');
  for (let n = 0; n < 2000; n++) orders.set(`o${n}`, order(n));
  const errors: unknown[] = [];
  const advisor = new IndexAdvisor(client, { after: 4, onError: (error) => errors.push(error), ...options });
  t.after(() => {
    advisor.stop();
    assert.deepEqual(errors, []);
  });
  const ask = async (times: number, get: (n: number) => Promise<unknown>): Promise<void> => {
    for (let n = 0; n < times; n++) await get(n);
    await advisor.settled();
  };
  return { client, orders, advisor, ask };
}

testOnCores('advisor: tells the index that queries of one shape lack, once they were asked often', async (factory, t) => {
  const { client, orders, advisor, ask } = await watched(factory, t, {});
  const inCity = (n: number): Promise<unknown> =>
    client.query(orders).where('city', '=', `city ${n}`).where('total', '>', n).orderBy('-total').limit(5).get();
  await ask(3, inCity);
  assert.deepEqual(advisor.advice(), []);
  await ask(1, inCity);
  const [advice, ...others] = advisor.advice();
  assert.deepEqual(others, []);
  // Columns are looked at in blocks.
  assert.ok(Number(advice?.visited) >= 2000);
  assert.deepEqual(
    { ...advice, ms: 0, visited: 2000 },
    {
      map: 'orders',
      on: ['city', '-total'],
      kind: 'ordered',
      scope: 'local',
      shape: 'city eq, total gt, order -total, limit',
      times: 4,
      ms: 0,
      visited: 2000,
      rows: 5,
      created: false,
      option: undefined,
    },
  );
  assert.deepEqual(await client.indexes(orders), []);
}, queryFactories);

testOnCores('advisor: makes the indexes that it may, and only those that queries use', async (factory, t) => {
  const { client, orders, advisor, ask } = await watched(factory, t, { create: true, createMax: 2 });
  await ask(4, (n) => client.query(orders).where('city', '=', `city ${n}`).get());
  await ask(4, (n) => client.query(orders).where('tags', 'contains', `tag ${n}`).get());
  // One too many.
  await ask(4, (n) => client.query(orders).where('total', '=', n).get());
  assert.deepEqual((await client.indexes(orders)).map(({ name }) => name), ['city', 'elements:tags']);
  assert.deepEqual(advisor.advice().map(({ on, created }) => [on[0], created]).sort(), [
    ['city', true],
    ['tags', true],
    ['total', false],
  ]);
  const { rows } = await client.query(orders).where('city', '=', 'city 7').get();
  assert.equal(rows.length, 20);
}, queryFactories);

testOnCores('advisor: is silent about queries that no index helps, and when it was stopped', async (factory, t) => {
  const { client, orders, advisor, ask } = await watched(factory, t, { create: true });
  await ask(4, () => client.query(orders).get());
  await ask(4, (n) => client.query(orders).where('$key', '=', `o${n}`).get());
  await ask(4, () => client.query(orders).where('total', '>=', 1000).get());
  await ask(4, () => client.query(orders).groupBy('city').aggregate({ n: count() }).get());
  await ask(4, (n) => client.query(orders, { where: { $or: [{ city: `city ${n}` }, { total: n }] } }).get());
  assert.deepEqual(advisor.advice(), []);
  advisor.stop();
  await ask(8, (n) => client.query(orders).where('city', '=', `city ${n}`).get());
  assert.deepEqual(advisor.advice(), []);
  assert.deepEqual(await client.indexes(orders), []);
}, queryFactories);

onQueryCores('an advisor remembers a bounded number of shapes, those asked last', async (factory) => {
  const client = queryClientOn(factory);
  await client.start();
  const wide = client.getMap<Record<string, number>>('wide');
  for (let n = 0; n < 100; n++) wide.set(`k${n}`, { [`f${n}`]: n });
  const advisor = new IndexAdvisor(client, { after: 1, visitedMin: 1 });
  for (let n = 0; n < 300; n++) await client.query<Record<string, number>>('wide').where(`f${n}`, '=', n).get();
  await advisor.settled();
  const advice = advisor.advice();
  assert.equal(advice.length, 256);
  assert.ok(advice.every(({ on }) => Number(on[0]?.slice(1)) >= 44));
  advisor.stop();
  await client.close();
});

testOnCores('advisor: names the option of the server for queries that it answers', async (factory, t) => {
  const server = await TestServer.start(['--memory'], 0, 2);
  t.after(() => server.kill());
  const client = new QueryClient({ serverUrl: server.url }, {
    loadEngine: async () => factory,
    defaultStorage: memoryStorage,
    connect: webSockets(async () => WebSocket as unknown as WebSocketConstructor),
    onConnectivity: () => () => undefined,
  });
  t.after(() => client.close());
  await client.start();
  const orders = client.getMap<Order>('orders');
  for (let n = 0; n < 2000; n++) orders.set(`o${n}`, order(n));
  await client.flush({ level: 'memory' });
  const advisor = new IndexAdvisor(client, { after: 2, create: true });
  t.after(() => advisor.stop());
  const all = client.query<Order>('orders', { scope: 'server' });
  for (let n = 0; n < 2; n++) await all.where('city', '=', `city ${n}`).orderBy('-total').get();
  await advisor.settled();
  const [advice] = advisor.advice();
  assert.equal(advice?.scope, 'server');
  assert.equal(advice?.option, '--index orders:city,-total');
  assert.ok(Number(advice?.visited) >= 2000);
  assert.deepEqual([advice?.rows, advice?.created], [20, false]);
}, queryFactories);

test('advisor: the entry exports it', async () => {
  assert.deepEqual(Object.keys(await import('../src/advisor.js')), ['IndexAdvisor']);
});
