import assert from 'node:assert/strict';
import type { EngineFactory } from '../src/bindings/engine.js';
import type { LwwMap } from '../src/client/lww-map.js';
import { ErrorCode } from '../src/errors.js';
import type { QueryClient } from '../src/query/client.js';
import { count, sum } from '../src/query/query.js';
import { queryClientOn } from './support/clients.js';
import { follow, keysOf, onQueryCores } from './support/queries.js';

interface Person {
  name: string;
  city?: string;
}
interface Purchase {
  buyer?: string;
  total: number;
}

async function withPurchases(factory: EngineFactory): Promise<QueryClient> {
  const client = queryClientOn(factory);
  await client.start();
  const people = client.getMap<Person>('people');
  people.set('ann', { name: 'Ann', city: 'Oslo' });
  people.set('bob', { name: 'Bob', city: 'Bern' });
  people.set('cid', { name: 'Cid', city: 'Oslo' });
  const purchases = client.getMap<Purchase>('purchases');
  purchases.set('1', { buyer: 'ann', total: 12 });
  purchases.set('2', { buyer: 'bob', total: 30 });
  purchases.set('3', { buyer: 'ann', total: 7 });
  purchases.set('4', { total: 1 });
  return client;
}

onQueryCores('joins of every kind', async (factory) => {
  const client = await withPurchases(factory);
  const people = client.getMap<Person>('people');
  const purchases = client.query<Purchase>('purchases');
  const on = { buyer: '$key' } as const;
  const inner = await purchases.join('person', people, { on }).orderBy('person.name').get();
  assert.deepEqual(inner.rows, [
    { buyer: 'ann', total: 12, person: { name: 'Ann', city: 'Oslo', _key: 'ann' }, _key: '["1","ann"]' },
    { buyer: 'ann', total: 7, person: { name: 'Ann', city: 'Oslo', _key: 'ann' }, _key: '["3","ann"]' },
    { buyer: 'bob', total: 30, person: { name: 'Bob', city: 'Bern', _key: 'bob' }, _key: '["2","bob"]' },
  ]);
  const left = purchases.join('person', people, { on, kind: 'left', where: { city: 'Bern' } });
  const { rows } = await left.select('total', 'person.name').orderBy('total').get();
  assert.deepEqual(
    rows.map((row) => [row.total, row['person.name']]),
    [[1, null], [7, null], [12, null], [30, 'Bob']],
  );
  assert.equal(await keysOf(purchases.join('person', people, { on, kind: 'semi' })), '123');
  assert.equal(await keysOf(purchases.join('person', people, { on, kind: 'anti' })), '4');
  const spent = await client
    .query(people)
    .join('purchase', purchasesOf(client), { on: { $key: 'buyer' } })
    .groupBy('name')
    .aggregate({ total: sum('purchase.total') })
    .get();
  assert.deepEqual(spent.rows.map(({ name, total }) => [name, total]), [['Ann', 19], ['Bob', 30]]);
  const invalid = { code: ErrorCode.InvalidArgument };
  assert.throws(() => purchases.join('person', people, { on: {} }), invalid);
  assert.throws(() => purchases.join('a.b', people, { on }), invalid);
  assert.throws(() => purchases.join('p', people, { on }).join('p', people, { on }), invalid);
  assert.throws(() => purchases.join('p', people, { on, kind: 'cross' as 'left' }), invalid);
  assert.equal((await left.explain())['access'], 'join');
  await client.close();
});

function purchasesOf(client: QueryClient): LwwMap<Purchase> {
  return client.getMap<Purchase>('purchases');
}

onQueryCores('a live join follows both sides', async (factory) => {
  const client = await withPurchases(factory);
  const people = client.getMap<Person>('people');
  const purchases = purchasesOf(client);
  const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  const copy = follow();
  let seen = '';
  const stop = client
    .query(purchases)
    .join('person', people, { on: { buyer: '$key' }, where: { city: 'Oslo' } })
    .orderBy('-total')
    .subscribe((rows, changes) => {
      copy.apply(changes);
      assert.deepEqual(copy.rows, [...rows]);
      seen = rows.map(({ total, person }) => `${person.name} ${total}`).join(', ');
    });
  await settle();
  assert.equal(seen, 'Ann 12, Ann 7');
  people.set('bob', { name: 'Bob', city: 'Oslo' });
  await settle();
  assert.equal(seen, 'Bob 30, Ann 12, Ann 7');
  people.set('ann', { name: 'Anna', city: 'Oslo' });
  purchases.set('3', { buyer: 'ann', total: 50 });
  await settle();
  assert.equal(seen, 'Anna 50, Bob 30, Anna 12');
  people.delete('ann');
  await settle();
  assert.equal(seen, 'Bob 30');
  stop();
  await client.close();
});

onQueryCores('views are asked, followed, indexed, joined and viewed like maps', async (factory) => {
  const client = await withPurchases(factory);
  const purchases = purchasesOf(client);
  const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  const spent = client.view(
    'spent',
    client.query(purchases).where('buyer', 'is not', null).groupBy('buyer').aggregate({ total: sum('total'), n: count() }),
  );
  await spent.ready;
  const best = spent.query().orderBy('-total');
  assert.deepEqual(
    (await best.get()).rows.map(({ buyer, total, n }) => [buyer, total, n]),
    [['bob', 30, 1], ['ann', 19, 2]],
  );
  const seen: string[] = [];
  const stop = best.limit(1).subscribe((rows) => seen.push(rows.map(({ buyer, total }) => `${buyer} ${total}`).join()));
  await settle();
  purchases.set('5', { buyer: 'ann', total: 20 });
  await settle();
  purchases.delete('5');
  await settle();
  assert.deepEqual(seen, ['bob 30', 'ann 39', 'bob 30']);
  await client.createIndex(spent, { on: '-total' });
  assert.deepEqual((await client.indexes(spent)).map(({ name, ready }) => [name, ready]), [['-total', true]]);
  const named = await client
    .query(client.getMap<Person>('people'))
    .join('spent', spent, { on: { $key: 'buyer' } })
    .where('spent.total', '>', 20)
    .get();
  assert.deepEqual(named.rows.map((row) => [row.name, row.spent.total]), [['Bob', 30]]);
  const heavy = client.view('heavy', spent.query().where('total', '>', 25).select('buyer'));
  await heavy.ready;
  assert.deepEqual((await heavy.query().get()).rows.map(({ buyer }) => buyer), ['bob']);
  purchases.set('6', { buyer: 'cid', total: 26 });
  assert.deepEqual((await heavy.query().orderBy('buyer').get()).rows.map(({ buyer }) => buyer), ['bob', 'cid']);
  await assert.rejects(spent.drop(), { code: ErrorCode.InvalidArgument });
  await heavy.drop();
  await assert.rejects(heavy.query().get());
  assert.throws(() => client.view('spent', client.query(purchases)), { code: ErrorCode.InvalidArgument });
  await assert.rejects(client.view('people', client.query(purchases)).ready, { code: ErrorCode.InvalidArgument });
  assert.throws(() => spent.query().where('nothing' as 'buyer', '=', 'x'), { code: ErrorCode.InvalidArgument });
  stop();
  await client.close();
});

onQueryCores('a view of whole records, and one of combinations', async (factory) => {
  const client = await withPurchases(factory);
  const people = client.getMap<Person>('people');
  const inOslo = client.view('in Oslo', client.query(people).where('city', '=', 'Oslo'));
  assert.deepEqual(await keysOf(inOslo.query()), 'anncid');
  const pairs = client.view(
    'pairs',
    client.query(purchasesOf(client)).join('person', inOslo, { on: { buyer: '$key' } }),
  );
  const { rows } = await pairs.query({ orderBy: 'total' }).where('person.name', '=', 'Ann').get();
  assert.deepEqual(rows.map(({ total, person }) => [total, person.name]), [[7, 'Ann'], [12, 'Ann']]);
  await client.close();
});
