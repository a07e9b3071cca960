import assert from 'node:assert/strict';
import { EngineTrapped, type Engine, type EngineFactory } from '../src/bindings/engine.js';
import type { Change } from '../src/client/collection.js';
import { ErrorCode, TopGunError } from '../src/errors.js';
import { memoryStorage } from '../src/storage/memory.js';
import { clientOn, next } from './support/clients.js';
import { testOnCores } from './support/cores.js';
import { Origin, settle } from './support/origin.js';

testOnCores('core: maps of all kinds are back after a restart', async (factory) => {
  const storage = memoryStorage();
  const first = clientOn(factory, { storage });
  await first.start();
  const map = first.getMap<unknown>('anything');
  const values = [null, true, -0, 1.5, 2 ** 53, 12n, 'ä', [1, [2]], { a: { b: 1 } }, Uint8Array.of(1)];
  values.forEach((value, index) => map.set(`k${index}`, value));
  map.set('gone', 1);
  map.delete('gone');
  const bags = first.getORMap<string>('bags');
  bags.add('a', 'x');
  bags.add('a', 'y');
  bags.add('a', 'x');
  bags.remove('a', 'x');
  const counter = first.getPNCounter('counts', 'clicks');
  assert.equal(counter.addAndGet(7), 7);
  assert.equal(counter.decrement(), 6);
  assert.equal(first.pendingOps > 0, true);
  await first.flush();
  const { nodeId } = first;
  await first.close();

  const second = clientOn(factory, { storage });
  await second.start();
  assert.equal(second.nodeId, nodeId);
  const again = second.getMap<unknown>('anything');
  values.forEach((value, index) => assert.deepEqual(again.get(`k${index}`), value));
  assert.equal(again.size, values.length);
  assert.deepEqual(second.getORMap('bags').get('a'), ['y']);
  assert.equal(second.getPNCounter('counts', 'clicks').get(), 6);
  await second.close();
});

testOnCores('core: an element added and removed in one turn is gone everywhere', async (factory) => {
  const storage = memoryStorage();
  const client = clientOn(factory, { storage });
  await client.start();
  const bags = client.getORMap<{ n: number }>('bags');
  bags.add('a', { n: 1 });
  bags.add('a', { n: 2 });
  assert.equal(bags.remove('a', { n: 1 }), 1);
  await client.flush();
  assert.equal(bags.remove('a', { n: 2 }), 1);
  assert.deepEqual([bags.has('a'), bags.size], [false, 0]);
  await client.flush();
  await client.close();
  const again = clientOn(factory, { storage });
  await again.start();
  assert.equal(again.getORMap('bags').size, 0);
  await again.close();
});

testOnCores('core: roots are equal exactly when states are', async (factory) => {
  const roots: string[] = [];
  for (const keys of [['a', 'b'], ['b', 'a'], ['a']]) {
    const client = clientOn(factory, { nodeId: '1' });
    await client.start();
    const map = client.getMap('m');
    assert.deepEqual(client.root(map), { root: '0'.repeat(32), count: 0 });
    for (const key of keys) map.set(key, 1);
    roots.push(client.root(map).root);
    assert.equal(client.root(map).count, keys.length);
    await client.close();
  }
  assert.equal(new Set(roots).size, 3, 'stamps differ, and so do roots');
});

testOnCores('core: a map that was closed is opened anew with its entries', async (factory) => {
  const client = clientOn(factory);
  await client.start();
  const map = client.getMap<number>('m');
  map.set('a', 1);
  map.close();
  assert.throws(() => map.set('b', 2), { code: ErrorCode.Closed });
  assert.deepEqual([...client.getMap<number>('m')], [['a', 1]]);
  await client.close();
});

testOnCores('core: a full outbox refuses writes and the map shows it', async (factory) => {
  const client = clientOn(factory, { outboxMax: 3 });
  await client.start();
  const map = client.getMap<number>('m');
  const rejected = next(client, 'rejected');
  for (let n = 0; n < 4; n++) map.set(`k${n}`, n);
  const { key, error } = await rejected;
  assert.deepEqual([key, error.code], ['k3', ErrorCode.LimitExceeded]);
  await Promise.resolve();
  assert.equal(map.size, 3);
  await client.close();
});

testOnCores('core: after a trap nothing that was written is missing', async (real) => {
  const trapping = new TrappingFactory(real);
  const storage = memoryStorage();
  const client = clientOn(trapping, { storage });
  await client.start();
  const map = client.getMap<number>('m');
  const bags = client.getORMap<number>('bags');
  const counter = client.getPNCounter('counts');
  for (let round = 0; round < 3; round++) {
    for (let n = 0; n < 10; n++) map.set(`${round}.${n}`, n);
    bags.add('a', round);
    counter.increment();
    if (round === 0) await client.flush();
    if (round === 1) trapping.armed = true;
    await Promise.resolve();
  }
  await next(client, 'engine-restarted');
  assert.equal(map.size, 30);
  assert.deepEqual(bags.get('a').sort(), [0, 1, 2]);
  assert.equal(counter.get(), 3);
  await client.flush();
  await client.close();

  const again = clientOn(real, { storage });
  await again.start();
  assert.equal(again.getMap('m').size, 30);
  assert.deepEqual(again.getORMap<number>('bags').get('a').sort(), [0, 1, 2]);
  assert.equal(again.getPNCounter('counts').get(), 3);
  await again.close();
});

testOnCores('core: large values and many entries survive a restart', async (factory) => {
  const storage = memoryStorage();
  const client = clientOn(factory, { storage });
  await client.start();
  const map = client.getMap<string>('m');
  map.set('large', 'x'.repeat(500_000));
  for (let n = 0; n < 20_000; n++) map.set(`k${n}`, `value ${n}`);
  await client.flush();
  await client.close();
  const again = clientOn(factory, { storage });
  await again.start();
  const reloaded = again.getMap<string>('m');
  assert.equal(reloaded.size, 20_001);
  assert.equal(reloaded.get('large')?.length, 500_000);
  assert.equal(reloaded.get('k19999'), 'value 19999');
  await again.close();
});

testOnCores('core: a store that is full is reported and used again when it can be', async (factory) => {
  const storage = memoryStorage();
  const full = { ...bound(storage) };
  const client = clientOn(factory, { storage: full });
  await client.start();
  const map = client.getMap<number>('m');
  const { transact } = full;
  full.transact = () => Promise.reject(new Error('no space'));
  const report = next(client, 'persistence');
  map.set('a', 1);
  assert.equal((await report).error?.code, ErrorCode.StorageIo);
  map.set('b', 2);
  full.transact = transact;
  const recovered = next(client, 'persistence');
  // The engine tries again by itself; nothing needs to be written for it.
  assert.equal((await recovered).error, undefined);
  await client.close();
  const again = clientOn(factory, { storage });
  await again.start();
  assert.deepEqual([...again.getMap('m').keys()].sort(), ['a', 'b']);
  await again.close();
});

/** The methods of an adapter as properties, to be replaced one by one. */
function bound(storage: ReturnType<typeof memoryStorage>) {
  return {
    open: storage.open.bind(storage),
    load: storage.load.bind(storage),
    transact: storage.transact.bind(storage),
    close: storage.close.bind(storage),
  };
}

/** Real engines, of which the next call traps when `armed`. */
class TrappingFactory implements EngineFactory {
  readonly kind;
  armed = false;
  private readonly real: EngineFactory;

  constructor(real: EngineFactory) {
    this.real = real;
    this.kind = real.kind;
  }

  async create(): Promise<Engine> {
    const engine = await this.real.create();
    const trapIfArmed = (): void => {
      if (!this.armed) return;
      this.armed = false;
      throw new EngineTrapped('staged');
    };
    return {
      exec: (request) => {
        trapIfArmed();
        return engine.exec(request);
      },
      poll: () => engine.poll(),
      close: () => engine.close(),
    };
  }
}

testOnCores('core: listeners are told when an entry or an element expires', async (factory) => {
  const client = clientOn(factory);
  await client.start();
  const map = client.getMap<number>('numbers');
  const bags = client.getORMap<string>('bags');
  map.set('short', 1, { ttlMs: 30 });
  map.set('long', 2);
  bags.add('a', 'short', { ttlMs: 30 });
  bags.add('a', 'long');
  const gone = new Promise<Change<number>>((resolve) => map.subscribe(([change]) => resolve(change!)));
  const less = new Promise<Change<readonly string[]>>((resolve) =>
    bags.subscribe(([change]) => resolve(change!)),
  );
  assert.deepEqual(await gone, { key: 'short', value: undefined, previous: 1, origin: 'remote' });
  assert.deepEqual((await less).value, ['long']);
  assert.deepEqual([...map.keys(), map.size], ['long', 1]);
  assert.deepEqual([...bags.entries()], [['a', ['long']]]);
  await client.close();
});

testOnCores('core: a change of any kind of map has what was before and after', async (factory) => {
  const client = clientOn(factory);
  await client.start();
  const seen: unknown[] = [];
  const map = client.getMap<number>('numbers');
  const stop = map.subscribe('a', (change) => seen.push(change));
  map.set('a', 1);
  map.set('b', 1);
  map.set('a', 2);
  map.delete('a');
  stop();
  map.set('a', 3);
  const change = { key: 'a', origin: 'local' };
  assert.deepEqual(seen.splice(0), [
    { ...change, value: 1, previous: undefined },
    { ...change, value: 2, previous: 1 },
    { ...change, value: undefined, previous: 2 },
  ]);
  const bags = client.getORMap<string>('bags');
  bags.subscribe('a', ({ value, previous }) => seen.push([previous, value]));
  bags.add('a', 'x');
  bags.add('a', 'y');
  bags.remove('a', 'x');
  assert.deepEqual(seen.splice(0), [
    [undefined, ['x']],
    [['x'], ['x', 'y']],
    [['x', 'y'], ['y']],
  ]);
  const counter = client.getPNCounter('counts', 'a');
  counter.subscribe((value, { previous, origin }) => seen.push([previous, value, origin]));
  client.getPNCounter('counts', 'b').increment();
  counter.addAndGet(5);
  counter.decrement();
  assert.deepEqual(seen.splice(0), [
    [undefined, 5, 'local'],
    [5, 4, 'local'],
  ]);
  await client.close();
});

testOnCores('core: what one batch does to a bag is one change, however many elements it has', async (factory) => {
  const client = clientOn(factory);
  await client.start();
  const bags = client.getORMap<number>('bags');
  for (let n = 0; n < 1000; n++) bags.add('a', n, { ttlMs: 200 });
  bags.add('b', 1, { ttlMs: 200 });
  bags.add('b', 2);
  const seen: Change<readonly number[]>[] = [];
  await new Promise<void>((resolve) => {
    bags.subscribe((changes) => {
      seen.push(...changes);
      const isGone = seen.some(({ key, value }) => key === 'a' && value === undefined);
      if (isGone && seen.some(({ key }) => key === 'b')) resolve();
    });
  });
  // Expired together, or in a few batches if the clock ticked in between.
  assert.ok(seen.length < 50, `${seen.length} changes`);
  const ofA = seen.filter(({ key }) => key === 'a');
  assert.equal(ofA[0]?.previous?.length, 1000);
  assert.equal(ofA.at(-1)?.value, undefined);
  for (const [index, change] of ofA.slice(1).entries()) assert.deepEqual(change.previous, ofA[index]?.value);
  assert.deepEqual(seen.find(({ key }) => key === 'b')?.previous, [1, 2]);
  await client.close();
});

testOnCores('core: a listener that ends its subscription hears of nothing more', async (factory) => {
  const client = clientOn(factory);
  await client.start();
  const map = client.getMap<number>('numbers');
  let calls = 0;
  const stop = map.subscribe('a', () => {
    calls++;
    stop();
  });
  map.set('a', 1);
  map.set('a', 2);
  assert.equal(calls, 1);
  assert.throws(
    () => Reflect.apply(map.subscribe, map, ['a']),
    (error) => error instanceof TopGunError && error.code === ErrorCode.InvalidArgument,
  );
  await client.close();
});

testOnCores('core: a write that the engine handed out before it trapped is not made twice', async (factory) => {
  const origin = new Origin(factory);
  const tab = origin.open();
  await tab.client.start();
  const counter = tab.client.getPNCounter('c');
  counter.increment();
  await settle(); // Handed out, and on its way to the store.
  tab.trapNext = true;
  counter.increment();
  const restarted = next(tab.client, 'engine-restarted');
  await origin.quiesce();
  await restarted;
  assert.equal(counter.get(), 2);
});

testOnCores('core: closing waits for an engine that is being replaced, and stores what was written', async (factory) => {
  const origin = new Origin(factory);
  const tab = origin.open();
  await tab.client.start();
  const counter = tab.client.getPNCounter('c');
  tab.trapNext = true;
  counter.increment();
  await Promise.resolve();
  assert.equal(tab.traps, 1);
  counter.increment();
  let closed = false;
  const closing = tab.client.close().then(() => (closed = true));
  while (!closed) await origin.quiesce();
  await closing;
  const again = origin.open();
  await again.client.start();
  assert.equal(again.client.getPNCounter('c').get(), 2);
});
