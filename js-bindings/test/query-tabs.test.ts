import assert from 'node:assert/strict';
import type { EngineFactory } from '../src/bindings/engine.js';
import { queryFactories, testOnCores } from './support/cores.js';
import { Origin, type FakeTab } from './support/origin.js';

interface Item {
  n: number;
}

/** A tab that leads, with two items, and one that follows it with a live query over them. */
async function twoTabs(factory: EngineFactory): Promise<{
  origin: Origin;
  leader: FakeTab;
  follower: FakeTab;
  seen: () => string;
}> {
  const origin = new Origin(factory);
  const leader = origin.open();
  await Promise.all([leader.client.start(), origin.quiesce()]);
  leader.client.getMap<Item>('items').set('a', { n: 1 });
  leader.client.getMap<Item>('items').set('b', { n: 2 });
  const follower = origin.open();
  let keys = 'nothing yet';
  follower.client
    .query<Item>('items')
    .where('n', '>', 1)
    .orderBy('-n')
    .limit(2)
    .subscribe((rows) => (keys = rows.map(({ _key }) => _key).join('')));
  const started = follower.client.start();
  await origin.quiesce();
  await started;
  await origin.quiesce();
  assert.deepEqual([leader.client.tabRole, follower.client.tabRole], ['leader', 'follower']);
  return { origin, leader, follower, seen: () => keys };
}

function onQueryCores(name: string, run: (factory: EngineFactory) => Promise<void>): void {
  testOnCores(`query tabs: ${name}`, run, queryFactories);
}

onQueryCores('a tab that follows answers queries from what it shows', async (factory) => {
  const { origin, leader, follower, seen } = await twoTabs(factory);
  assert.equal(seen(), 'b');
  leader.client.getMap<Item>('items').set('c', { n: 3 });
  await origin.quiesce();
  assert.equal(seen(), 'cb');
  follower.client.getMap<Item>('items').set('d', { n: 4 });
  await Promise.resolve();
  assert.equal(seen(), 'dc', 'its own writes are seen at once');
  follower.client.getMap<Item>('items').delete('d');
  await origin.quiesce();
  assert.equal(seen(), 'cb');
  await follower.client.createIndex('items', { on: 'n' });
  const query = follower.client.query<Item>('items').where('n', '=', 2);
  assert.deepEqual((await query.get()).rows, [{ n: 2, _key: 'b' }]);
  const byIndex = await query.hint({ useIndex: 'n' }).get();
  assert.deepEqual(byIndex.rows, [{ n: 2, _key: 'b' }]);
  assert.deepEqual([...leader.errors, ...follower.errors], []);
});

onQueryCores('a live query and its index go on when the tab comes to lead', async (factory) => {
  const { origin, leader, follower, seen } = await twoTabs(factory);
  await follower.client.createIndex('items', { on: 'n' });
  leader.kill();
  await origin.quiesce();
  assert.equal(follower.client.tabRole, 'leader');
  follower.client.getMap<Item>('items').set('c', { n: 3 });
  await origin.quiesce();
  assert.equal(seen(), 'cb');
  assert.deepEqual((await follower.client.indexes('items')).map(({ ready }) => ready), [true]);
  assert.deepEqual(follower.errors, []);
});

onQueryCores('an engine of queries that traps is replaced', async (factory) => {
  const { origin, follower, seen } = await twoTabs(factory);
  follower.trapNext = true;
  follower.client.getMap<Item>('items').set('c', { n: 3 });
  await origin.quiesce();
  assert.equal(follower.traps, 1);
  assert.equal(seen(), 'cb');
  assert.equal(follower.errors.length, 1, 'it is told');
});
