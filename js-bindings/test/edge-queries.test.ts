import assert from 'node:assert/strict';
import { type TestContext } from 'node:test';
import type { EngineFactory } from '../src/bindings/engine.js';
import { EdgeQueryReplica } from '../src/edge/query-replica.js';
import type { EdgeReplicaOptions } from '../src/edge/replica.js';
import { ErrorCode, TopGunError } from '../src/errors.js';
import { queryFactories, testOnCores } from './support/cores.js';
import { TestServer } from './support/server.js';

interface Product {
  name: string;
  price: number;
}

const testQueries = (name: string, run: (factory: EngineFactory, t: TestContext) => Promise<void>): void =>
  testOnCores(name, run, queryFactories);

async function replicas(core: EngineFactory, t: TestContext, options: Partial<EdgeReplicaOptions> = {}) {
  const server = await TestServer.start(['--memory']);
  t.after(() => server.kill());
  return [1, 2].map(() => {
    const replica = new EdgeQueryReplica({ serverUrl: server.url, maxStalenessMs: 60_000, ...options }, async () => core);
    t.after(() => replica.close());
    return replica;
  }) as [EdgeQueryReplica, EdgeQueryReplica];
}

async function writeProducts(replica: EdgeQueryReplica, prices: readonly number[]): Promise<void> {
  const products = replica.getMap<Product>('products');
  await replica.write(() => {
    for (const price of prices) products.set(`p${price}`, { name: `at ${price}`, price });
  });
}

const names = ({ rows }: { readonly rows: readonly Product[] }): string[] => rows.map(({ name }) => name);

testQueries('edge queries: they answer from what the isolate has, as stale as it is', async (core, t) => {
  const [ann, bob] = await replicas(core, t);
  const cheapest = bob.query<Product>('products', { orderBy: 'price', limit: 2 });
  assert.deepEqual(names(await cheapest.get()), []);
  await writeProducts(ann, [30, 10, 20]);
  await bob.fresh(0);
  assert.deepEqual(names(await cheapest.get()), ['at 10', 'at 20']);
  await writeProducts(ann, [5]);
  await bob.fresh();
  assert.deepEqual(names(await cheapest.get()), ['at 10', 'at 20']);
  await bob.fresh(0);
  assert.deepEqual(names(await cheapest.get()), ['at 5', 'at 10']);
});

testQueries('edge queries: live ones and views hear of what fresh brings', async (core, t) => {
  const [ann, bob] = await replicas(core, t);
  const heard: string[][] = [];
  const dear = bob.view('dear', bob.query<Product>('products').where('price', '>', 15));
  const stop = bob.query(dear, { orderBy: 'price' }).subscribe((rows) => heard.push(names({ rows })));
  await bob.fresh();
  await writeProducts(ann, [10, 20, 30]);
  await bob.fresh(0);
  stop();
  assert.deepEqual(heard.at(-1), ['at 20', 'at 30']);
});

testQueries('edge queries: an index is built without anybody waking the engine', async (core, t) => {
  const [ann, bob] = await replicas(core, t);
  await writeProducts(ann, Array.from({ length: 5_000 }, (_, n) => n));
  bob.getMap('products');
  await bob.fresh(0);
  await bob.createIndex<Product>('products', { on: 'price' });
  assert.deepEqual((await bob.indexes('products')).map(({ name, ready }) => [name, ready]), [['price', true]]);
  const plan = JSON.stringify(await bob.query<Product>('products').where('price', '=', 77).explain());
  assert.match(plan, /"indexes":\["price"\]/);
  await bob.dropIndex('products', 'price');
  assert.deepEqual(await bob.indexes('products'), []);
});

testQueries('edge queries: the origin answers for maps that the isolate does not hold', async (core, t) => {
  const [ann, bob] = await replicas(core, t);
  await writeProducts(ann, [30, 10, 20]);
  const ofOrigin = bob.query<Product>('products', { orderBy: '-price', limit: 1, scope: 'server' });
  assert.deepEqual(names(await ofOrigin.get()), ['at 30']);
  await writeProducts(ann, [40]);
  assert.deepEqual(names(await ofOrigin.get()), ['at 40']);
});

testQueries('edge queries: an origin that does not answer is an error, and the next request asks anew', async (core, t) => {
  let isAway = true;
  const reach: typeof fetch = async (url, init) => {
    if (isAway) throw new Error('no way there');
    return fetch(url, init);
  };
  const [, bob] = await replicas(core, t, { fetch: reach });
  const ofOrigin = bob.query<Product>('products', { scope: 'server' });
  await assert.rejects(
    ofOrigin.get({ timeoutMs: 5_000 }),
    (error) => error instanceof TopGunError && error.code === ErrorCode.NotReady,
  );
  isAway = false;
  assert.deepEqual(names(await ofOrigin.get()), []);
});
