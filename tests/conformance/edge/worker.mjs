// A worker for the tests: replicas over each kind of storage, and what a new instance costs.

import { createEdgeReplica, durableObjectStorage, kvStorage, r2Storage } from 'topgun/edge';
import { createEdgeReplica as createQueryReplica } from 'topgun/edge/queries';

const replicas = new Map();

/** Adds one entry through a replica that lives on, and says what a new instance gets and from where. */
async function exercise(storage, { searchParams }, env) {
  const name = searchParams.get('storage');
  const open = (own = {}) =>
    createEdgeReplica({ serverUrl: env.ORIGIN, storage, maxStalenessMs: 0, saveEveryMs: 0, ...own });
  if (!replicas.has(name)) replicas.set(name, open());
  const replica = replicas.get(name);
  const map = replica.getMap(`edge-${name}`);
  await replica.fresh();
  await replica.write(() => {
    for (let n = 0; n < 50; n++) map.set(crypto.randomUUID(), 'x'.repeat(2000));
  });
  let received = 0;
  const counting = async (url, init) => {
    const answer = await (await fetch(url, init)).arrayBuffer();
    received += answer.byteLength;
    return new Response(answer, { headers: { 'content-type': 'application/x-topgun' } });
  };
  const other = open({ fetch: counting });
  const copy = other.getMap(`edge-${name}`);
  await other.fresh();
  const sizes = [map.size, copy.size];
  other.close();
  return Response.json({ sizes, received });
}

export default {
  async fetch(request, env) {
    const url = new URL(request.url);
    const storage = url.searchParams.get('storage');
    if (storage === 'kv') return exercise(kvStorage(env.KV), url, env);
    if (storage === 'r2') return exercise(r2Storage(env.R2), url, env);
    if (storage === 'object') return env.OBJECT.get(env.OBJECT.idFromName('one')).fetch(request);
    if (url.pathname === '/query') return query(env);
    return count(url, env);
  },
};

export class TestObject {
  constructor(state, env) {
    this.storage = durableObjectStorage(state.storage);
    this.env = env;
  }

  fetch(request) {
    return exercise(this.storage, new URL(request.url), this.env);
  }
}

let counting;

/** One step of a counter, by whichever request comes; many of them at once share the replica. */
async function count(url, env) {
  counting ??= createEdgeReplica({ serverUrl: env.ORIGIN, maxStalenessMs: 60_000 });
  const counter = counting.getPNCounter('edge-count');
  await counting.fresh();
  await counting.write(() => counter.increment());
  return Response.json({ count: counter.get() });
}

let asking;

/** Adds a product, and asks for the cheapest by an index of the isolate, and of the origin. */
async function query(env) {
  const isNew = asking === undefined;
  asking ??= createQueryReplica({ serverUrl: env.ORIGIN, maxStalenessMs: 0 });
  const products = asking.getMap('edge-products');
  if (isNew) await asking.createIndex(products, { on: 'price' });
  await asking.fresh();
  const price = 100 - products.size;
  await asking.write(() => products.set(`at-${price}`, { price }));
  const cheapest = asking.query(products, { orderBy: 'price', limit: 2 });
  const [here, there] = await Promise.all([cheapest.get(), cheapest.scope('server').get()]);
  return Response.json({ here: here.rows.map((row) => row.price), there: there.rows.map((row) => row.price) });
}
