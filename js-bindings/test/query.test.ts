import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import { EngineTrapped, type Engine, type EngineFactory } from '../src/bindings/engine.js';
import { ErrorCode, type TopGunError } from '../src/errors.js';
import type { QueryClient } from '../src/query/client.js';
import { Predicates } from '../src/query/predicate.js';
import { avg, count, max, min, sum, type Query } from '../src/query/query.js';
import { clientOn, next, queryClientOn } from './support/clients.js';
import { follow, keysOf, onQueryCores } from './support/queries.js';
import { Random } from './support/random.js';

interface Order {
  city: string;
  total: number;
  tags?: string[];
  address?: { zip: string };
  note?: string | null;
}

const ORDERS: Record<string, Order> = {
  a: { city: 'Oslo', total: 12, tags: ['new'], note: null },
  b: { city: 'Bern', total: 30, address: { zip: '3011' } },
  c: { city: 'Oslo', total: 7, tags: ['old', 'paid'] },
  d: { city: 'Rome', total: 30, note: 'call' },
};

async function withOrders(factory: EngineFactory): Promise<QueryClient> {
  const client = queryClientOn(factory);
  await client.start();
  const orders = client.getMap<Order>('orders');
  for (const [key, order] of Object.entries(ORDERS)) orders.set(key, order);
  return client;
}

onQueryCores('a query for one key finds what one finds that looks at every record', async (factory) => {
  const client = await withOrders(factory);
  const orders = client.getMap<Order>('orders');
  orders.set('brief', { city: 'Oslo', total: 1 }, { ttlMs: 30_000 });
  const questions: ((query: Query<Order>) => Query<Order, object>)[] = [
    (query) => query,
    (query) => query.select('city', 'note', 'address.zip'),
    (query) => query.orderBy('-total').limit(1),
    (query) => query.limit(0),
    (query) => query.offset(1),
    (query) => query.where('city', '=', 'Oslo'),
  ];
  const check = async (): Promise<void> => {
    for (const key of ['a', 'd', 'brief', 'nobody', '']) {
      for (const question of questions) {
        const asked = question(client.query(orders).where('$key', '=', key));
        const { rows } = await asked.hint({ forceScan: true }).get();
        assert.deepEqual(await asked.get(), { rows, cursor: undefined }, key);
      }
    }
  };
  // The first one finds that the map shows what is stored; the others need not ask.
  await check();
  const answered = client.query(orders, { where: { $key: 'a' } }).get();
  orders.set('a', { city: 'Rome', total: 0 });
  assert.equal((await answered).rows[0]?.city, 'Oslo');
  await check();
  orders.delete('d');
  mock.timers.enable({ apis: ['Date'], now: Date.now() + 60_000 });
  try {
    assert.equal(await keysOf(client.query(orders).where('_key', '=', 'brief')), '');
    await check();
  } finally {
    mock.timers.reset();
  }
  await client.close();
  await assert.rejects(client.query(orders).where('$key', '=', 'a').get());
});

onQueryCores('conditions in all their forms', async (factory) => {
  const client = await withOrders(factory);
  const all = client.query<Order>('orders');
  assert.equal(await keysOf(all), 'abcd');
  assert.equal(await keysOf(all.where('city', '=', 'Oslo')), 'ac');
  assert.equal(await keysOf(all.where('city', '!=', 'Oslo')), 'bd');
  assert.equal(await keysOf(all.where('total', '>', 12)), 'bd');
  assert.equal(await keysOf(all.where('total', '>=', 12)), 'abd');
  assert.equal(await keysOf(all.where('total', '<', 12)), 'c');
  assert.equal(await keysOf(all.where('total', '<=', 12)), 'ac');
  assert.equal(await keysOf(all.where('total', 'between', [7, 12])), 'ac');
  assert.equal(await keysOf(all.where('city', 'in', ['Bern', 'Rome'])), 'bd');
  assert.equal(await keysOf(all.where('city', 'not in', ['Bern', 'Rome'])), 'ac');
  assert.equal(await keysOf(all.where('city', 'like', '%o%')), 'acd');
  assert.equal(await keysOf(all.where('city', 'ilike', 'o%')), 'ac');
  assert.equal(await keysOf(all.where('city', 'starts with', 'Be')), 'b');
  assert.equal(await keysOf(all.where('city', 'ends with', 'me')), 'd');
  assert.equal(await keysOf(all.where('tags', 'contains', 'paid')), 'c');
  assert.equal(await keysOf(all.where('tags', 'contains any', ['new', 'paid'])), 'ac');
  assert.equal(await keysOf(all.where('tags', 'contains all', ['old', 'paid'])), 'c');
  assert.equal(await keysOf(all.where('note', 'is', null)), 'abc');
  assert.equal(await keysOf(all.where('note', 'is', 'missing')), 'bc');
  assert.equal(await keysOf(all.where('note', 'is not', null)), 'd');
  assert.equal(await keysOf(all.where('address.zip', '=', '3011')), 'b');
  assert.equal(await keysOf(all.where(['address', 'zip'], '=', '3011')), 'b');
  assert.equal(await keysOf(all.where('$key', '>', 'b')), 'cd');
  assert.equal(await keysOf(all.where({ city: 'Oslo', total: { $gt: 7 } })), 'a');
  assert.equal(await keysOf(all.where({ address: { zip: '3011' } })), 'b', 'an object is a value');
  assert.equal(await keysOf(all.where({ $or: [{ city: 'Rome' }, { total: 7 }] })), 'cd');
  assert.equal(await keysOf(all.where({ $not: { city: { $startsWith: 'O' } } })), 'bd');
  assert.equal(await keysOf(all.where({ note: { $exists: true } })), 'ad');
  assert.equal(await keysOf(all.where({ note: { $null: false } })), 'd');
  const { and, equal, not, or, lessThan } = Predicates;
  const tree = or(and(equal('city', 'Oslo'), lessThan('total', 10)), not(equal('total', 12)));
  assert.equal(await keysOf(all.where(tree)), 'bcd');
  const options = { where: { total: 30 }, predicate: equal('city', 'Rome') };
  assert.equal(await keysOf(client.query<Order>('orders', options)), 'd');
  await client.close();
});

onQueryCores('order, limit, offset, pages and selections', async (factory) => {
  const client = await withOrders(factory);
  const all = client.query<Order>('orders');
  assert.equal(await keysOf(all.orderBy('total')), 'cabd');
  assert.equal(await keysOf(all.orderBy('-total')), 'bdac');
  assert.equal(await keysOf(all.orderBy(['-total', ['city', 'desc']])), 'dbac');
  assert.equal(await keysOf(all.orderBy({ city: 'desc', total: 'asc' })), 'dcab');
  assert.equal(await keysOf(client.query<Order>('orders', { sort: { total: 'desc' }, limit: 1 })), 'b');
  assert.equal(await keysOf(all.orderBy('total').offset(1).limit(2)), 'ab');
  let page = await all.orderBy('-total').limit(3).get();
  assert.deepEqual(page.rows.map(({ _key }) => _key), ['b', 'd', 'a']);
  assert.ok(page.cursor !== undefined);
  page = await client.query<Order>('orders', { orderBy: '-total', limit: 3, after: page.cursor }).get();
  assert.deepEqual(page.rows.map(({ _key }) => _key), ['c']);
  assert.equal(page.cursor, undefined);
  const { rows } = await all.where('city', '=', 'Bern').select('total', 'address.zip', 'note').get();
  assert.deepEqual(rows, [{ total: 30, 'address.zip': '3011', note: null, _key: 'b' }]);
  await client.close();
});

onQueryCores('groups, aggregates and distinct values', async (factory) => {
  const client = await withOrders(factory);
  const byCity = client
    .query<Order>('orders')
    .groupBy('city')
    .aggregate({ orders: count(), total: sum('total'), mean: avg('total'), least: min('total'), most: max('total') });
  const { rows } = await byCity.get();
  assert.deepEqual(rows, [
    { city: 'Bern', orders: 1, total: 30, mean: 30, least: 30, most: 30, _key: '["Bern"]' },
    { city: 'Oslo', orders: 2, total: 19, mean: 9.5, least: 7, most: 12, _key: '["Oslo"]' },
    { city: 'Rome', orders: 1, total: 30, mean: 30, least: 30, most: 30, _key: '["Rome"]' },
  ]);
  const totals = await client.query<Order>('orders').aggregate({ noted: count('note') }).get();
  assert.deepEqual(totals.rows, [{ noted: 1, _key: '[]' }]);
  const distinct = await client.query<Order>('orders').distinct('total').get();
  assert.deepEqual(distinct.rows.map(({ total }) => total), [7, 12, 30]);
  await client.close();
});

onQueryCores('rows are the same objects until their record changes', async (factory) => {
  const client = await withOrders(factory);
  const orders = client.getMap<Order>('orders');
  const query = client.query(orders).orderBy('total');
  const first = await query.get();
  orders.set('c', { city: 'Oslo', total: 8 });
  const second = await query.where('city', '=', 'Oslo').get();
  assert.equal(second.rows[1], first.rows[1]);
  assert.notEqual(second.rows[0], first.rows[0]);
  assert.ok(Object.isFrozen(first.rows[0]));
  const words = client.getMap<string>('words');
  words.set('w', 'hello');
  assert.deepEqual((await client.query(words).get()).rows, [{ value: 'hello', _key: 'w' }]);
  await client.close();
});

onQueryCores('a live query tells its rows, then each step of each batch', async (factory) => {
  const client = await withOrders(factory);
  const orders = client.getMap<Order>('orders');
  const calls: { keys: string; types: string }[] = [];
  const copy = follow();
  const stop = client
    .query(orders)
    .where('total', '>', 10)
    .orderBy('-total')
    .limit(2)
    .subscribe((rows, changes) => {
      copy.apply(changes);
      assert.deepEqual(copy.rows, [...rows]);
      const types = changes.map(({ type }) => type).join(' ');
      calls.push({ keys: rows.map(({ _key }) => _key).join(''), types });
    });
  const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  await settle();
  assert.deepEqual(calls.splice(0), [{ keys: 'bd', types: 'enter enter' }]);
  orders.set('b', { city: 'Bern', total: 31 });
  await settle();
  assert.deepEqual(calls.splice(0), [{ keys: 'bd', types: 'update' }]);
  orders.set('c', { city: 'Oslo', total: 5 });
  await settle();
  assert.deepEqual(calls.splice(0), [], 'what the query does not see is not told');
  orders.delete('b');
  await settle();
  assert.equal(calls.splice(0)[0]?.keys, 'da', 'the window is never short');
  orders.set('x', { city: 'Kiel', total: 99 });
  orders.set('y', { city: 'Kiel', total: 98 });
  await settle();
  assert.deepEqual(calls.map(({ keys }) => keys), ['xy'], 'one call a batch');
  stop();
  orders.set('z', { city: 'Kiel', total: 100 });
  await settle();
  assert.equal(calls.length, 1);
  await client.close();
});

onQueryCores('a live query of groups', async (factory) => {
  const client = await withOrders(factory);
  const orders = client.getMap<Order>('orders');
  const seen: string[] = [];
  const stop = client
    .query(orders)
    .groupBy('city')
    .aggregate({ n: count(), total: sum('total') })
    .subscribe((rows) => seen.push(rows.map(({ city, n, total }) => `${city} ${n} ${total}`).join(', ')));
  const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  await settle();
  orders.set('e', { city: 'Cork', total: 1 });
  await settle();
  orders.delete('b');
  orders.set('a', { city: 'Oslo', total: 13 });
  await settle();
  assert.deepEqual(seen, [
    'Bern 1 30, Oslo 2 19, Rome 1 30',
    'Bern 1 30, Cork 1 1, Oslo 2 19, Rome 1 30',
    'Cork 1 1, Oslo 2 20, Rome 1 30',
  ]);
  stop();
  await client.close();
});

onQueryCores('an observed query has one snapshot until something changes', async (factory) => {
  const client = await withOrders(factory);
  const query = (): Query<Order> => client.query<Order>('orders').where('total', '>', 10);
  const observed = query().observe();
  assert.equal(observed.getSnapshot().loading, true);
  assert.equal(observed.getSnapshot(), query().observe().getSnapshot());
  const changed = new Promise<void>((resolve) => observed.subscribe(resolve));
  await changed;
  const snapshot = observed.getSnapshot();
  assert.equal(snapshot.rows.length, 3);
  assert.deepEqual([snapshot.loading, snapshot.settled, snapshot.error], [false, true, undefined]);
  client.getMap<Order>('orders').set('c', { city: 'Oslo', total: 1 });
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(observed.getSnapshot(), snapshot);
  client.getMap<Order>('orders').delete('d');
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(observed.getSnapshot().rows.length, 2);
  await client.close();
});

onQueryCores('what was asked before the start is answered after it', async (factory) => {
  const client = queryClientOn(factory);
  client.getMap<number>('numbers').set('a', 1);
  const rows = new Promise((resolve) => {
    client.query<number>('numbers').subscribe((each) => each.length > 0 && resolve(each));
  });
  const result = client.query<number>('numbers').get();
  await client.start();
  assert.deepEqual(await rows, [{ value: 1, _key: 'a' }]);
  assert.deepEqual((await result).rows, [{ value: 1, _key: 'a' }]);
  await client.close();
});

onQueryCores('indexes are built, used, told of and dropped', async (factory) => {
  const client = queryClientOn(factory);
  await client.start();
  const people = client.getMap<{ city: string; age: number }>('people');
  for (let i = 0; i < 5000; i++) people.set(`p${i}`, { city: `c${i % 50}`, age: i % 90 });
  await client.createIndex(people, { on: ['city', '-age'] });
  await client.createIndex(people, { on: 'age', kind: 'hash', name: 'ages' });
  await client.createIndex(people, { on: 'age', kind: 'hash', name: 'ages' });
  const indexes = await client.indexes(people);
  assert.deepEqual(
    indexes.map(({ name, kind, on, ready }) => ({ name, kind, on, ready })),
    [
      { name: 'city,-age', kind: 'ordered', on: ['city', '-age'], ready: true },
      { name: 'ages', kind: 'hash', on: ['age'], ready: true },
    ],
  );
  const query = client.query(people).where('city', '=', 'c7').orderBy('-age').limit(3);
  const plan = await query.explain({ analyze: true });
  assert.equal(plan['access'], 'walk');
  assert.deepEqual(plan['indexes'], ['city,-age']);
  const byScan = await query.hint({ forceScan: true }).get();
  assert.deepEqual((await query.get()).rows, byScan.rows);
  await assert.rejects(query.hint({ useIndex: 'none' }).get(), { code: ErrorCode.HintImpossible });
  await assert.rejects(client.createIndex(people, { on: 'city', name: 'ages' }), {
    code: ErrorCode.InvalidArgument,
  });
  await client.dropIndex(people, 'city,-age');
  assert.notEqual((await query.explain())['access'], 'walk');
  await assert.rejects(client.dropIndex(people, 'city,-age'), { code: ErrorCode.InvalidArgument });
  await client.close();
});

onQueryCores('whatever was written in whatever order, live, asked and computed rows agree', async (factory) => {
  for (let seed = 1; seed <= 12; seed++) {
    const random = new Random(seed);
    const client = queryClientOn(factory);
    await client.start();
    const map = client.getMap<{ n: number; s: string }>('things');
    const limit = 1 + random.below(6);
    const from = random.below(4);
    const query = client.query(map).where('n', '>=', from).orderBy(['-n', 's']).limit(limit);
    let live: readonly unknown[] = [];
    const copy = follow();
    const stop = query.subscribe((rows, changes) => {
      live = rows;
      copy.apply(changes);
    });
    for (let step = 0; step < 40; step++) {
      for (let i = random.below(30); i > 0; i--) {
        const key = `k${random.below(40)}`;
        if (random.below(4) === 0) map.delete(key);
        else map.set(key, { n: random.below(8), s: `s${random.below(3)}` });
      }
      await Promise.resolve();
      const computed = [...map]
        .filter(([, { n }]) => n >= from)
        .sort(([k1, a], [k2, b]) => b.n - a.n || order(a.s, b.s) || order(k1, k2))
        .slice(0, limit)
        .map(([_key, value]) => ({ ...value, _key }));
      assert.deepEqual((await query.get()).rows, computed, `seed ${seed}, step ${step}`);
      assert.deepEqual(live, computed, `seed ${seed}, step ${step}: live`);
      assert.deepEqual(copy.rows, computed, `seed ${seed}, step ${step}: changes`);
    }
    stop();
    await client.close();
  }
});

function order(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

onQueryCores('a map that arrives all at once, and one that is emptied', async (factory) => {
  const client = queryClientOn(factory);
  await client.start();
  const map = client.getMap<{ n: number }>('many');
  const copy = follow();
  let live: readonly { readonly _key: string; readonly n: number }[] = [];
  client.query(map).orderBy('n').subscribe((rows) => (live = rows));
  client.query(map).orderBy('n').onChanges(copy.apply);
  for (let i = 0; i < 20_000; i++) map.set(`k${i}`, { n: (i * 7919) % 20_011 });
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(live.length, 20_000);
  assert.ok(live.every(({ n }, i) => i === 0 || (live[i - 1]?.n ?? 0) < n));
  for (let i = 0; i < 20_000; i += 2) map.delete(`k${i}`);
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(live.length, 10_000);
  assert.deepEqual(copy.rows, [...live]);
  await client.close();
});

onQueryCores('a time to live ends in queries as it does in the map', async (factory) => {
  const client = queryClientOn(factory);
  await client.start();
  const map = client.getMap<number>('short');
  const gone = new Promise<void>((resolve) => {
    let began = false;
    client.query(map).subscribe((rows) => {
      began ||= rows.length === 2;
      if (began && rows.length === 1) resolve();
    });
  });
  map.set('a', 1);
  map.set('b', 2, { ttlMs: 20 });
  await gone;
  assert.deepEqual((await client.query(map).get()).rows, [{ value: 1, _key: 'a' }]);
  await client.close();
});

onQueryCores('live queries and indexes outlive an engine that traps', async (factory) => {
  let current: Engine | undefined;
  let trapping = false;
  const guarded: EngineFactory = {
    kind: factory.kind,
    async create() {
      const engine = await factory.create();
      current = engine;
      return {
        exec: (request) => {
          if (trapping && engine === current) {
            trapping = false;
            throw new EngineTrapped('as the test wants');
          }
          return engine.exec(request);
        },
        poll: () => engine.poll(),
        close: () => engine.close(),
      };
    },
  };
  const client = await withOrders(guarded);
  const orders = client.getMap<Order>('orders');
  await client.createIndex(orders, { on: 'total' });
  let live = '';
  client.query(orders).where('total', '>', 10).orderBy('-total').subscribe((rows) => {
    live = rows.map(({ _key }) => _key).join('');
  });
  await client.flush();
  trapping = true;
  const restarted = next(client, 'engine-restarted');
  orders.set('e', { city: 'Oslo', total: 50 });
  await restarted;
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(live, 'ebda');
  assert.deepEqual((await client.indexes(orders)).map(({ name }) => name), ['total']);
  orders.set('f', { city: 'Oslo', total: 60 });
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(live, 'febda');
  await client.close();
});

onQueryCores('bad input is refused with typed errors, and nothing else breaks', async (factory) => {
  const client = await withOrders(factory);
  const query = client.query<Order>('orders');
  const invalid = { code: ErrorCode.InvalidArgument };
  assert.throws(() => query.where('total', '~' as '=', 1), invalid);
  assert.throws(() => query.where({ total: { $about: 1 } } as never), invalid);
  assert.throws(() => query.where({ $total: 1 } as never), invalid);
  assert.throws(() => query.where('' as 'city', '=', 'x'), invalid);
  assert.throws(() => query.limit(-1), invalid);
  assert.throws(() => query.offset(0.5), invalid);
  assert.throws(() => query.orderBy('total', 'up' as 'asc'), invalid);
  assert.throws(() => query.after('?'), invalid);
  assert.throws(() => client.query(undefined as never), invalid);
  assert.throws(() => query.where('total', 'in', 5 as never), invalid);
  assert.throws(() => query.where('total', '=', (() => 0) as never), invalid);
  assert.throws(() => query.where('city', 'like', 5 as never), invalid);
  client.getORMap('tags');
  assert.throws(() => client.query('tags').subscribe(() => undefined), { code: ErrorCode.TypeMismatch });
  const failed = new Promise((resolve) => {
    query.hint({ useIndex: 'none' }).subscribe(() => undefined, resolve);
  });
  const reported = next(client, 'error');
  query.after('AAAA').orderBy('total').subscribe(() => undefined);
  assert.equal(((await failed) as TopGunError).code, ErrorCode.HintImpossible);
  assert.equal((await reported).code, ErrorCode.InvalidArgument);
  assert.equal((await query.get()).rows.length, 4);
  await client.close();
  await assert.rejects(query.get(), { code: ErrorCode.Closed });
});

test('query: a client that never starts does not leave anyone waiting', async () => {
  const client = queryClientOn({
    kind: 'wasm',
    create: () => Promise.reject(new Error('no core')),
  });
  const asked = client.query('numbers').get();
  await assert.rejects(client.start());
  await assert.rejects(asked);
});

test('query: the base client has maps alone', async () => {
  assert.ok(!('query' in clientOn({ kind: 'wasm', create: () => Promise.reject(new Error('none')) })));
});
