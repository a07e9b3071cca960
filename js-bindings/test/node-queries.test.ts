import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { WebSocket } from 'ws';
import type { EngineFactory } from '../src/bindings/engine.js';
import type { TopGunClientOptions } from '../src/client/options.js';
import { ErrorCode, TopGunError } from '../src/errors.js';
import { QueryClient } from '../src/query/client.js';
import { avg, count, sum, type Query } from '../src/query/query.js';
import { changesBetween } from '../src/query/row-changes.js';
import type { RowChange } from '../src/query/rows.js';
import { memoryStorage } from '../src/storage/memory.js';
import { openHttp, probeSocket } from '../src/transport/http.js';
import { webSockets, type WebSocketConstructor } from '../src/transport/websocket.js';
import { queryFactories, testOnCores } from './support/cores.js';
import { Origin } from './support/origin.js';
import { follow } from './support/queries.js';
import { TestServer } from './support/server.js';

const connect = webSockets(async () => WebSocket as unknown as WebSocketConstructor);

interface Order {
  city: string;
  total: number;
  owner?: string;
}

async function clientOf(factory: EngineFactory, t: TestContext, options: TopGunClientOptions): Promise<QueryClient> {
  const client = new QueryClient(options, {
    loadEngine: async () => factory,
    defaultStorage: memoryStorage,
    connect,
    http: async () => ({ openHttp, probeSocket }),
    onConnectivity: () => () => undefined,
  });
  t.after(() => client.close());
  await client.start();
  return client;
}

/** A server of several shards with forty orders. */
async function shop(factory: EngineFactory, t: TestContext): Promise<{ server: TestServer; writer: QueryClient }> {
  const server = await TestServer.start(['--memory'], 0, 3);
  t.after(() => server.kill());
  const writer = await clientOf(factory, t, { serverUrl: server.url });
  const orders = writer.getMap<Order>('orders');
  for (let n = 0; n < 40; n++) orders.set(`o${n}`, { city: n % 2 === 0 ? 'Oslo' : 'Bern', total: n });
  await writer.flush({ level: 'memory' });
  return { server, writer };
}

/** Resolves with the rows of a live query once they are as wanted. */
function rowsWhen<T, R>(query: Query<T, R>, t: TestContext, holds: (rows: readonly R[]) => boolean): Promise<readonly R[]> {
  return new Promise((resolve, reject) => {
    const stop = query.subscribe((rows) => holds(rows) && resolve(rows), reject);
    t.after(stop);
  });
}

for (const transport of ['websocket', 'http'] as const) {
  testOnCores(
    `node queries: the node answers over ${transport}, and nothing of the map is kept here`,
    async (factory, t) => {
      const { server } = await shop(factory, t);
      const thin = await clientOf(factory, t, { serverUrl: server.url, transport });
      const all = thin.query<Order>('orders', { scope: 'server' });
      const top = all.where('city', '=', 'Oslo').orderBy('-total').limit(3);
      const page = await top.get();
      assert.deepEqual(page.rows.map(({ _key, total }) => [_key, total]), [['o38', 38], ['o36', 36], ['o34', 34]]);
      const next = await top.after(page.cursor ?? '').get();
      assert.deepEqual(next.rows.map(({ _key }) => _key), ['o32', 'o30', 'o28']);
      assert.deepEqual((await all.orderBy('total').offset(38).select('total').get()).rows, [
        { total: 38, _key: 'o38' },
        { total: 39, _key: 'o39' },
      ]);
      const groups = await all.groupBy('city').aggregate({ orders: count(), sum: sum('total'), mean: avg('total') }).get();
      assert.deepEqual(groups.rows, [
        { city: 'Bern', orders: 20, sum: 400, mean: 20, _key: '["Bern"]' },
        { city: 'Oslo', orders: 20, sum: 380, mean: 19, _key: '["Oslo"]' },
      ]);
      assert.deepEqual((await all.where('$key', '=', 'o7').get()).rows, [{ city: 'Bern', total: 7, _key: 'o7' }]);
      assert.deepEqual((await all.distinct('city').get()).rows.map(({ city }) => city), ['Bern', 'Oslo']);
      // Opened now, the map is empty until the node has sent it.
      const map = thin.getMap<Order>('orders');
      assert.equal(map.size, 0);
    },
    queryFactories,
  );

  testOnCores(
    `node queries: over ${transport} a live query of the node follows what others write, by steps`,
    async (factory, t) => {
      const { server, writer } = await shop(factory, t);
      const orders = writer.getMap<Order>('orders');
      const thin = await clientOf(factory, t, { serverUrl: server.url, transport });
      const top = thin.query<Order>('orders', { scope: 'server' }).where('city', '=', 'Oslo').orderBy('-total').limit(2);
      const copy = follow<{ readonly _key: string }>();
      const seen: string[] = [];
      t.after(top.onChanges((changes) => {
        copy.apply(changes);
        seen.push(...changes.map(({ type }) => type));
      }));
      const keys = (wanted: string): Promise<unknown> =>
        rowsWhen(top, t, (rows) => rows.map(({ _key }) => _key).join(' ') === wanted);
      await keys('o38 o36');
      orders.set('o50', { city: 'Oslo', total: 50 });
      await keys('o50 o38');
      orders.set('o38', { city: 'Oslo', total: 60 });
      await keys('o38 o50');
      orders.delete('o50');
      await keys('o38 o36');
      assert.deepEqual(copy.rows.map(({ _key }) => _key), ['o38', 'o36']);
      assert.ok(seen.includes('move') && seen.includes('leave'), seen.join());
      const totals = thin.query<Order>('orders', { scope: 'server' }).groupBy('city').aggregate({ sum: sum('total') });
      await rowsWhen(totals, t, (rows) => rows.map(({ sum }) => sum).join() === '400,402');
      orders.set('o1', { city: 'Rome', total: 1 });
      await rowsWhen(totals, t, (rows) => rows.map(({ city, sum }) => `${city} ${sum}`).join() === 'Bern 399,Oslo 402,Rome 1');
    },
    queryFactories,
  );
}

interface Person {
  name: string;
  group: string;
}

for (const transport of ['websocket', 'http'] as const) {
  testOnCores(
    `node queries: the node joins maps over ${transport}, once and live, and tells how`,
    async (factory, t) => {
      const { server, writer } = await shop(factory, t);
      const orders = writer.getMap<Order>('orders');
      const people = writer.getMap<Person>('people');
      for (const [key, group] of [['ann', 'red'], ['bob', 'blue']] as const) people.set(key, { name: key, group });
      for (const n of [1, 2, 3]) orders.set(`o${n}`, { city: 'Rome', total: n, owner: n === 2 ? 'bob' : 'ann' });
      await writer.flush({ level: 'memory' });
      const thin = await clientOf(factory, t, { serverUrl: server.url, transport });
      const romans = thin.query<Order>('orders', { scope: 'server' }).where('city', '=', 'Rome');
      const owned = romans.join<'person', Person>('person', 'people', { on: { owner: '$key' } });
      const { rows } = await owned.orderBy('-total').get();
      assert.deepEqual(rows, [
        { city: 'Rome', total: 3, owner: 'ann', person: { name: 'ann', group: 'red', _key: 'ann' }, _key: '["o3","ann"]' },
        { city: 'Rome', total: 2, owner: 'bob', person: { name: 'bob', group: 'blue', _key: 'bob' }, _key: '["o2","bob"]' },
        { city: 'Rome', total: 1, owner: 'ann', person: { name: 'ann', group: 'red', _key: 'ann' }, _key: '["o1","ann"]' },
      ]);
      const page = owned.orderBy('-total').limit(1).select('total', 'person.name');
      const first = await page.get();
      const named = (row: object | undefined): unknown[] => Object.values(row ?? {});
      assert.deepEqual(first.rows.map(named), [[3, 'ann', '["o3","ann"]']]);
      const second = await page.after(first.cursor ?? '').get();
      assert.deepEqual(second.rows.map(named), [[2, 'bob', '["o2","bob"]']]);
      const nobodys = thin.query<Order>('orders', { scope: 'server', where: { total: { $lt: 5 } } });
      const left = nobodys.join<'person', Person, { on: { owner: '$key' }; kind: 'left' }>(
        'person',
        'people',
        { on: { owner: '$key' }, kind: 'left' },
      );
      assert.deepEqual((await left.get()).rows.map(({ person }) => person?.name ?? null), [null, 'ann', 'bob', 'ann', null]);
      const unowned = nobodys.join('person', 'people', { on: { owner: '$key' }, kind: 'anti' });
      assert.deepEqual((await unowned.get()).rows.map(({ _key }) => _key), ['o0', 'o4']);
      const groups = owned.groupBy('person.group').aggregate({ sum: sum('total') });
      assert.deepEqual((await groups.get()).rows, [
        { 'person.group': 'blue', sum: 2, _key: '["blue"]' },
        { 'person.group': 'red', sum: 4, _key: '["red"]' },
      ]);

      const reds = owned.where('person.group', '=', 'red').select('person.name');
      const keys = (wanted: string): Promise<unknown> =>
        rowsWhen(reds, t, (each) => each.map(({ _key }) => _key).join(' ') === wanted);
      await keys('["o1","ann"] ["o3","ann"]');
      people.set('bob', { name: 'bob', group: 'red' });
      await keys('["o1","ann"] ["o2","bob"] ["o3","ann"]');
      orders.set('o1', { city: 'Oslo', total: 1, owner: 'ann' });
      await keys('["o2","bob"] ["o3","ann"]');
      await rowsWhen(groups, t, (each) => each.map(({ sum }) => sum).join() === '5');

      const plan = await owned.explain({ analyze: true });
      assert.equal(plan['access'], 'node');
      const sides = plan['sides'] as readonly { readonly map: string; readonly shards: readonly unknown[] }[];
      assert.deepEqual(sides.map(({ map, shards }) => [map, shards.length]), [['orders', 3], ['people', 3]]);
      const joined = plan['join'] as { readonly actual: { readonly rows: number } };
      assert.equal(joined.actual.rows, 2);
      assert.deepEqual(await owned.explain({ analyze: true }), plan);
      assert.equal((await romans.explain())['join'], undefined);
    },
    queryFactories,
  );
}

testOnCores(
  'node queries: a live query goes on after the connection was lost, and says when it is behind',
  async (factory, t) => {
    const { server, writer } = await shop(factory, t);
    const thin = await clientOf(factory, t, { serverUrl: server.url });
    const query = thin.query<Order>('orders', { scope: 'server', where: { total: { $gte: 39 } } });
    const changes: RowChange<object>[] = [];
    await rowsWhen(query, t, (rows) => rows.length === 1);
    t.after(query.onChanges((each) => changes.push(...each)));
    const observed = query.observe();
    assert.equal(observed.getSnapshot().settled, true);
    thin.goOffline();
    assert.equal(observed.getSnapshot().settled, false);
    const { rows } = observed.getSnapshot();
    thin.goOnline();
    // Asked after it, so that the live query has been answered again, with nothing new, by then.
    await thin.query<Order>('orders', { scope: 'server', limit: 1 }).get();
    assert.equal(observed.getSnapshot().rows, rows);
    thin.goOffline();
    writer.getMap<Order>('orders').set('o41', { city: 'Oslo', total: 41 });
    await writer.flush({ level: 'memory' });
    assert.equal(observed.getSnapshot().rows.length, 1);
    changes.length = 0;
    thin.goOnline();
    await rowsWhen(query, t, (rows) => rows.length === 2);
    assert.deepEqual(changes.map(({ type }) => type), ['enter']);
    assert.equal(observed.getSnapshot().settled, true);
  },
  queryFactories,
);

testOnCores(
  'node queries: `auto` asks the node only for maps that are not open here',
  async (factory, t) => {
    const { server } = await shop(factory, t);
    const thin = await clientOf(factory, t, { serverUrl: server.url });
    const query = thin.query<Order>('orders', { scope: 'auto', orderBy: '-total', limit: 1 });
    assert.equal((await query.get()).rows[0]?._key, 'o39');
    thin.goOffline();
    const orders = thin.getMap<Order>('orders');
    orders.set('mine', { city: 'Oslo', total: 99 });
    assert.deepEqual((await query.get()).rows.map(({ _key }) => _key), ['mine']);
    const alone = await clientOf(factory, t, {});
    assert.deepEqual((await alone.query<Order>('orders', { scope: 'auto' }).get()).rows, []);
  },
  queryFactories,
);

testOnCores(
  'node queries: what cannot be answered is refused with its code, and late answers are given up',
  async (factory, t) => {
    const { server } = await shop(factory, t);
    const thin = await clientOf(factory, t, { serverUrl: server.url });
    const orders = thin.query<Order>('orders', { scope: 'server' });
    const code = (wanted: ErrorCode) => (error: unknown) => error instanceof TopGunError && error.code === wanted;
    await assert.rejects(orders.hint({ useIndex: 'none' }).get(), code(ErrorCode.HintImpossible));
    const big = thin.view('big', thin.query<Order>('mine').where('total', '>', 30));
    await big.ready;
    await assert.rejects(orders.join('other', big, { on: { owner: '$key' } }).get(), code(ErrorCode.InvalidArgument));
    await assert.rejects(orders.join('other', '$topgun.replicas', { on: { owner: '$key' } }).explain(), code(ErrorCode.Forbidden));
    await assert.rejects(thin.query('$topgun.replicas', { scope: 'server' }).get(), code(ErrorCode.Forbidden));
    const alone = await clientOf(factory, t, {});
    await assert.rejects(alone.query('orders', { scope: 'server' }).get(), code(ErrorCode.InvalidArgument));
    const failure = await new Promise((resolve) => {
      t.after(orders.hint({ useIndex: 'none' }).subscribe(() => undefined, resolve));
    });
    assert.ok(code(ErrorCode.HintImpossible)(failure));
    thin.goOffline();
    await assert.rejects(orders.get({ timeoutMs: 20 }), code(ErrorCode.TimedOut));
    const pending = orders.get();
    await thin.close();
    await assert.rejects(pending, code(ErrorCode.Closed));
  },
  queryFactories,
);

testOnCores(
  'node queries: a tab that follows asks through the one that leads, and through the next one',
  async (factory, t) => {
    const { server, writer } = await shop(factory, t);
    const origin = new Origin(factory, connect);
    t.after(() => Promise.all(origin.living.map(({ client }) => client.close())));
    // The process of a tab that dies is this one, and its socket stays.
    t.after(() => origin.tabs.forEach(({ client }) => client.goOffline()));
    const options = { serverUrl: server.url };
    const until = async (holds: () => boolean): Promise<void> => {
      // Sockets have their say between the rounds.
      while (!holds()) await origin.quiesce();
    };
    const leader = origin.open(options);
    await Promise.all([leader.client.start(), origin.quiesce()]);
    const follower = origin.open(options);
    let keys = '';
    follower.client
      .query<Order>('orders', { scope: 'server', orderBy: '-total', limit: 2 })
      .subscribe((rows) => (keys = rows.map(({ _key }) => _key).join(' ')));
    const started = follower.client.start();
    await until(() => keys === 'o39 o38');
    await started;
    assert.equal(follower.client.tabRole, 'follower');
    writer.getMap<Order>('orders').set('o40', { city: 'Oslo', total: 40 });
    await until(() => keys === 'o40 o39');
    let rows: readonly object[] | undefined;
    const once = follower.client.query<Order>('orders', { scope: 'server', where: { total: 3 } }).get();
    void once.then((result) => (rows = result.rows));
    await until(() => rows !== undefined);
    assert.deepEqual(rows, [{ city: 'Bern', total: 3, _key: 'o3' }]);
    leader.kill();
    await until(() => follower.client.tabRole === 'leader');
    writer.getMap<Order>('orders').set('o41', { city: 'Oslo', total: 41 });
    await until(() => keys === 'o41 o40');
    assert.deepEqual(follower.errors, []);
  },
  queryFactories,
);

testOnCores(
  'node queries: views of the server are asked and followed like maps, and are there again after a restart',
  async (factory, t) => {
    const directory = await mkdtemp(join(tmpdir(), 'topgun-views-'));
    t.after(() => rm(directory, { recursive: true, force: true }));
    const args = ['--data', directory, '--index', 'best:-total'];
    for (const view of [
      { name: 'large', from: 'orders', where: { total: { $gte: 10 } } },
      { name: 'by city', from: 'large', groupBy: ['city'], aggregate: { orders: 'count', total: { sum: 'total' } } },
      { name: 'best', from: 'by city', orderBy: ['-total'], limit: 1 },
      {
        name: 'with mayors',
        from: 'orders',
        join: [{ as: 'place', map: 'cities', on: { city: '$key' } }],
        select: { total: 'total', mayor: 'place.mayor' },
      },
    ]) {
      args.push('--view', JSON.stringify(view));
    }
    let server = await TestServer.start(args, 0, 3);
    t.after(() => server.kill());
    const writer = await clientOf(factory, t, { serverUrl: server.url });
    const orders = writer.getMap<Order>('orders');
    for (let n = 0; n < 40; n++) orders.set(`o${n}`, { city: n % 2 === 0 ? 'Oslo' : 'Bern', total: n });
    writer.getMap<{ mayor: string }>('cities').set('Oslo', { mayor: 'Ann' });
    await writer.flush({ level: 'local' });
    const thin = await clientOf(factory, t, { serverUrl: server.url });
    const byCity = thin.query<{ city: string; orders: number; total: number }>('by city', { scope: 'server', orderBy: 'city' });
    const cities = (rows: readonly { city: string; orders: number; total: number }[]): string =>
      rows.map(({ city, orders, total }) => `${city} ${orders} ${total}`).join(', ');
    assert.equal(cities((await byCity.get()).rows), 'Bern 15 375, Oslo 15 360');
    const mayors = await thin.query<{ mayor: string; total: number }>('with mayors', { scope: 'server', orderBy: '-total', limit: 2 }).get();
    assert.deepEqual(mayors.rows.map(({ mayor, total }) => [mayor, total]), [['Ann', 38], ['Ann', 36]]);
    const best = thin.query<{ city: string; total: number }>('best', { scope: 'server', hint: { orderIndex: '-total' } }).orderBy('-total');
    const changed = rowsWhen(best, t, (rows) => rows[0]?.city === 'Oslo');
    assert.deepEqual((await best.get()).rows.map(({ city }) => city), ['Bern']);
    orders.set('o2', { city: 'Oslo', total: 100 });
    await changed;
    await writer.flush({ level: 'local' });
    await server.kill();
    server = await TestServer.start(args, server.port, 2);
    const again = await clientOf(factory, t, { serverUrl: server.url });
    const rows = again.query<{ city: string; orders: number; total: number }>('by city', { scope: 'server', orderBy: 'city' });
    assert.equal(cities((await rows.get()).rows), 'Bern 15 375, Oslo 16 460');
  },
  queryFactories,
);

testOnCores(
  'node queries: a partition key leaves one shard to ask, refuses what contradicts it, and may come and go with restarts',
  async (factory, t) => {
    interface Owned {
      tenant?: string | number;
      total: number;
    }
    interface Sides {
      readonly sides: readonly { readonly partitions: readonly number[] | null; readonly shards: readonly unknown[] }[];
    }
    const directory = await mkdtemp(join(tmpdir(), 'topgun-partitions-'));
    t.after(() => rm(directory, { recursive: true, force: true }));
    const args = ['--data', directory];
    const declared = [...args, '--partition', 'orders=tenant', '--index', 'orders:tenant'];
    // First without: records lie by their whole keys.
    let server = await TestServer.start(args, 0, 3);
    t.after(() => server.kill());
    const writer = await clientOf(factory, t, { serverUrl: server.url });
    const orders = writer.getMap<Owned>('orders');
    for (let n = 0; n < 30; n++) orders.set(`t${n % 5}/${n}`, { tenant: `t${n % 5}`, total: n });
    orders.set('7/1', { tenant: 7, total: 70 });
    orders.set('t1/none', { total: 5 });
    await writer.flush({ level: 'local' });
    await server.kill();
    server = await TestServer.start(declared, server.port, 4);
    const thin = await clientOf(factory, t, { serverUrl: server.url });
    const all = thin.query<Owned>('orders', { scope: 'server' });
    const ofOne = all.where('tenant', '=', 't1').orderBy('total');
    assert.deepEqual((await ofOne.get()).rows.map(({ total }) => total), [1, 6, 11, 16, 21, 26]);
    assert.equal((await all.get()).rows.length, 32);
    assert.deepEqual((await all.where('tenant', '=', 7).get()).rows.map(({ _key }) => _key), ['7/1']);
    assert.equal((await all.where('_key', 'starts with', 't2/').get()).rows.length, 6);
    assert.equal((await all.where('tenant', 'in', ['t0', 't3']).get()).rows.length, 12);
    const sides = async (query: Query<Owned, unknown>): Promise<Sides['sides']> => ((await query.explain()) as unknown as Sides).sides;
    const [pruned] = await sides(ofOne as unknown as Query<Owned, unknown>);
    assert.deepEqual([pruned?.partitions?.length, pruned?.shards.length], [1, 1]);
    const [whole] = await sides(all as unknown as Query<Owned, unknown>);
    assert.deepEqual([whole?.partitions, whole?.shards.length], [null, 4]);
    // What comes later is seen; what contradicts its key is not taken.
    const more = rowsWhen(ofOne, t, (rows) => rows.length === 7);
    const refused = new Promise<string>((resolve) => writer.on('rejected', ({ key, error }) => resolve(`${key} ${error.codeName}`)));
    orders.set('t1/later', { tenant: 't1', total: 99 });
    orders.set('t1/wrong', { tenant: 't2', total: 99 });
    await more;
    assert.equal(await refused, 't1/wrong invalid-argument');
    await writer.flush({ level: 'local' });
    assert.equal((await all.where('total', '=', 99).get()).rows.length, 1);
    await server.kill();
    // Without it again, such a record may be written, and then stands in the way of the next declaration.
    server = await TestServer.start(args, server.port, 2);
    orders.set('t1/wrong', { tenant: 't2', total: 99 });
    await writer.flush({ level: 'local' });
    await server.kill();
    await assert.rejects(TestServer.start([...declared, '--log-level', 'off'], server.port, 2), /ended before it was ready/);
  },
  queryFactories,
);

test('node queries: the steps between two answers are few, and lead from the one to the other', () => {
  const row = (key: string, n: number): { _key: string; n: number } => ({ _key: key, n });
  const before = [row('a', 1), row('b', 2), row('c', 3), row('d', 4)];
  const after = [row('d', 4), row('a', 1), row('c', 9), row('e', 5)];
  const copy = follow<{ _key: string; n: number }>();
  copy.rows.push(...before);
  const changes = changesBetween(before, after) as RowChange<{ _key: string; n: number }>[];
  copy.apply(changes);
  assert.deepEqual(copy.rows, after);
  assert.deepEqual(changes.map(({ type }) => type), ['leave', 'move', 'update', 'enter']);
  assert.deepEqual(changesBetween(before, before.map((each) => ({ ...each }))), []);
});
