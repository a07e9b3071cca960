import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Command } from '../src/bindings/commands.js';
import { ErrorCode, TopGunError } from '../src/errors.js';
import type { StorageAdapter } from '../src/storage/adapter.js';
import { memoryStorage } from '../src/storage/memory.js';
import { FakeNetwork, clientOn, next } from './support/clients.js';
import { FakeFactory, trap } from './support/fake-engine.js';

test('client: a write is visible at once, frozen, and apart from the object it came from', async () => {
  const client = clientOn(new FakeFactory());
  await client.start();
  const map = client.getMap<{ title: string; tags: string[] }>('todos');
  const todo = { title: 'Milk', tags: ['a'] };
  map.set('1', todo);
  todo.title = 'changed';
  todo.tags.push('b');
  assert.deepEqual(map.get('1'), { title: 'Milk', tags: ['a'] });
  assert.ok(Object.isFrozen(map.get('1')) && Object.isFrozen(map.get('1')?.tags));
  assert.equal(map.size, 1);
  await client.close();
});

test('client: writes before start take effect at the start', async () => {
  const client = clientOn(new FakeFactory());
  const map = client.getMap<number>('numbers');
  map.set('a', 1);
  assert.equal(map.has('a'), false);
  await client.start();
  assert.equal(map.get('a'), 1);
  await client.close();
  assert.throws(() => map.set('b', 2), { code: ErrorCode.Closed });
});

test('client: writes of one turn reach the engine as one batch', async () => {
  const factory = new FakeFactory();
  const client = clientOn(factory);
  await client.start();
  const map = client.getMap<number>('numbers');
  const before = factory.current.seen.length;
  for (let i = 0; i < 10; i++) map.set(`k${i}`, i);
  assert.equal(factory.current.seen.length, before, 'nothing leaves before the end of the turn');
  await Promise.resolve();
  assert.equal(factory.current.seen.filter((code) => code === Command.Set).length, 10);
  for (let i = 0; i < 256; i++) map.set(`k${i}`, i);
  assert.equal(factory.current.seen.filter((code) => code === Command.Set).length, 266);
  await client.close();
});

test('client: stored rows are back after a restart', async () => {
  const storage = memoryStorage();
  const first = clientOn(new FakeFactory(), { storage });
  await first.start();
  first.getMap<number>('numbers').set('a', 1);
  first.getMap<number>('numbers').set('b', 2);
  first.getMap<number>('numbers').delete('b');
  await first.flush();
  await first.close();

  const second = clientOn(new FakeFactory(), { storage });
  await second.start();
  assert.deepEqual([...second.getMap<number>('numbers')], [['a', 1]]);
  await second.close();
});

test('client: what a store takes at once is stored by the end of the turn, and nobody tells the engine', async () => {
  const storage = memoryStorage();
  const factory = new FakeFactory();
  const client = clientOn(factory, { storage });
  await client.start();
  let stored = 0;
  client.on('stored', () => stored++);
  client.getMap<number>('numbers').set('a', 1);
  await null;
  await null;
  assert.equal(stored, 1);
  assert.equal((await storage.load()).length, 1);
  await client.flush();
  assert.equal(factory.current.seen.includes(Command.Persisted), false);
  await client.close();
});

test('client: a listener sees the change and may write from within', async () => {
  const client = clientOn(new FakeFactory());
  await client.start();
  const map = client.getMap<number>('numbers');
  const seen: string[] = [];
  map.subscribe((changes) => {
    for (const { key, value, previous, origin } of changes) {
      seen.push(`${key} ${previous} ${value} ${origin}`);
      if (key === 'a') map.set('b', 2);
    }
  });
  const onlyC: unknown[] = [];
  const stop = map.subscribe('c', (change) => onlyC.push(change));
  map.set('a', 1);
  map.set('c', 3);
  stop();
  map.delete('c');
  assert.deepEqual(seen, [
    'a undefined 1 local',
    'b undefined 2 local',
    'c undefined 3 local',
    'c 3 undefined local',
  ]);
  assert.equal(onlyC.length, 1);
  await client.close();
});

test('client: a refused write is reported and the mirror shows what the engine holds', async () => {
  const factory = new FakeFactory();
  const client = clientOn(factory);
  await client.start();
  const map = client.getMap<number>('numbers');
  map.set('a', 1);
  await client.flush();
  factory.current.onCommand = () => ErrorCode.Overloaded;
  const rejected = next(client, 'rejected');
  map.set('a', 2);
  map.set('b', 2);
  const { map: name, key, error } = await rejected;
  assert.deepEqual([name, key, error.code], ['numbers', 'a', ErrorCode.Overloaded]);
  await Promise.resolve();
  assert.deepEqual([...map], [['a', 1]]);
  await client.close();
});

test('client: what cannot be stored is refused with a code and leaves the map as it was', async () => {
  const client = clientOn(new FakeFactory());
  await client.start();
  const map = client.getMap<unknown>('anything');
  const cases: [string, () => void, number][] = [
    ['an empty key', () => map.set('', 1), ErrorCode.InvalidArgument],
    ['a long key', () => map.set('k'.repeat(1025), 1), ErrorCode.InvalidArgument],
    ['half a surrogate pair', () => map.set('\ud800', 1), ErrorCode.InvalidUtf8],
    ['a function', () => map.set('k', () => 1), ErrorCode.InvalidArgument],
    ['a large value', () => map.set('k', 'x'.repeat(600_000)), ErrorCode.TooLarge],
    ['a time to live of 0', () => map.set('k', 1, { ttlMs: 0 }), ErrorCode.InvalidArgument],
    ['another kind of map', () => client.getORMap('anything'), ErrorCode.TypeMismatch],
  ];
  for (const [name, run, code] of cases) {
    assert.throws(run, (error) => error instanceof TopGunError && error.code === code, name);
  }
  map.set('k'.repeat(1024), 'fits');
  map.set('é'.repeat(512), 'fits');
  assert.equal(map.size, 2);
  await client.close();
});

test('client: an entry with a time to live disappears from reads when it ends', async (t) => {
  t.mock.timers.enable({ apis: ['Date'], now: 1_000 });
  const client = clientOn(new FakeFactory());
  await client.start();
  const map = client.getMap<number>('numbers');
  map.set('short', 1, { ttlMs: 50 });
  map.set('long', 2);
  t.mock.timers.setTime(1_049);
  assert.equal(map.get('short'), 1);
  t.mock.timers.setTime(1_050);
  assert.equal(map.get('short'), undefined);
  assert.deepEqual([...map.keys()], ['long']);
  await client.close();
});

test('client: after a trap a new engine has what was stored and what was not', async () => {
  const factory = new FakeFactory();
  const slow = new SlowStorage();
  const client = clientOn(factory, { storage: slow });
  await client.start();
  const map = client.getMap<number>('numbers');
  map.set('stored', 1);
  await client.flush();
  slow.hold();
  map.set('in flight', 2);
  await Promise.resolve();
  factory.current.onCommand = (_, key) => (key === 'trap' ? trap() : undefined);
  const restarted = next(client, 'engine-restarted');
  map.set('trap', 3);
  await Promise.resolve();
  map.set('meanwhile', 4);
  slow.release();
  await restarted;
  assert.equal(factory.engines.length, 2);
  const wanted = [['stored', 1], ['in flight', 2], ['trap', 3], ['meanwhile', 4]];
  assert.deepEqual([...map].sort(byKey), wanted.sort(byKey));
  await client.flush();
  await client.close();

  const again = clientOn(new FakeFactory(), { storage: slow });
  await again.start();
  assert.deepEqual([...again.getMap<number>('numbers')].sort(byKey), wanted);
  await again.close();
});

test('client: a write that traps every engine is given up, and no other', async () => {
  const factory = new FakeFactory();
  factory.prepare = (engine) => {
    engine.onCommand = (_, key) => (key === 'poison' ? trap() : undefined);
  };
  const client = clientOn(factory);
  await client.start();
  const map = client.getMap<number>('numbers');
  const rejected: string[] = [];
  client.on('rejected', ({ key }) => rejected.push(key));
  const restarted = next(client, 'engine-restarted');
  map.set('before', 1);
  map.set('poison', 2);
  map.set('after', 3);
  await restarted;
  await Promise.resolve();
  assert.deepEqual([...map].sort(byKey), [['after', 3], ['before', 1]]);
  assert.deepEqual(rejected, ['poison']);
  await client.close();
});

test('client: an engine that keeps trapping ends the client with an error', async () => {
  const factory = new FakeFactory();
  factory.prepare = (engine, count) => {
    engine.onCommand = (code) => (count > 1 && code === Command.SetToken ? trap() : undefined);
  };
  const client = clientOn(factory, { token: 'secret' });
  await client.start();
  const failed = next(client, 'error');
  factory.current.onCommand = trap;
  const map = client.getMap<number>('numbers');
  map.set('a', 1);
  assert.equal((await failed).code, ErrorCode.EngineTrap);
  assert.throws(() => map.set('b', 1), { code: ErrorCode.NotReady });
  await client.close();
});

test('client: rows that the store refuses are stored with the next transaction', async () => {
  const storage = new SlowStorage();
  const client = clientOn(new FakeFactory(), { storage });
  await client.start();
  const reports: string[] = [];
  client.on('persistence', ({ level, error }) => reports.push(`${level} ${error?.codeName}`));
  const map = client.getMap<number>('numbers');
  storage.failure = new TopGunError(ErrorCode.StorageFull);
  map.set('a', 1);
  await next(client, 'persistence');
  assert.equal(client.persistence, 'memory');
  storage.failure = undefined;
  map.set('b', 2);
  await client.flush();
  assert.deepEqual(reports, ['memory storage-full', 'memory undefined']);
  assert.equal((await storage.load()).length, 2);
  await client.close();
});

test('client: one that is closed while it waits for its store gives the store back', async () => {
  let grant: () => void = () => undefined;
  const granted = new Promise<void>((resolve) => (grant = resolve));
  const closed: string[] = [];
  const inner = memoryStorage();
  const client = clientOn(new FakeFactory(), {
    storage: {
      open: async (events) => {
        events.waiting();
        await granted;
        return inner.open(events);
      },
      load: () => inner.load(),
      transact: (transaction) => inner.transact(transaction),
      close: async () => void closed.push('closed'),
    },
  });
  const starting = client.start();
  await next(client, 'status');
  assert.equal(client.status, 'waiting');
  await client.close();
  grant();
  await assert.rejects(starting, { code: ErrorCode.Closed });
  assert.deepEqual(closed, ['closed']);
});

test('client: the engine opens and closes transports, and old ones stay silent', async () => {
  const factory = new FakeFactory();
  const network = new FakeNetwork();
  const client = clientOn(factory, { serverUrl: 'https://example.org' }, network);
  const engine = async (emit: () => void): Promise<void> => {
    emit();
    client.pendingOps;
  };
  await client.start();
  await engine(() => factory.current.emit(10, () => undefined));
  const [first] = network.opened;
  assert.equal(first?.url, 'wss://example.org/ws');
  first?.events.opened();
  await engine(() => factory.current.emit(12, (out) => out.raw(Uint8Array.of(1, 2, 3))));
  assert.deepEqual(first?.sent, [Uint8Array.of(1, 2, 3)]);
  await engine(() => factory.current.emit(10, () => undefined));
  assert.equal(first?.closed, true);
  const before = factory.current.seen.length;
  first?.events.closed();
  assert.equal(factory.current.seen.length, before);
  network.opened[1]?.events.frame(Uint8Array.of(9));
  assert.equal(factory.current.seen.at(-1), Command.TransportFrame);
  await client.close();
  assert.equal(network.opened[1]?.closed, true);
});

const byKey = ([a]: unknown[], [b]: unknown[]): number => (String(a) < String(b) ? -1 : 1);

/** Memory that can be made slow or made to refuse. */
class SlowStorage implements StorageAdapter {
  failure: TopGunError | undefined;
  private readonly inner = memoryStorage();
  private gate: Promise<void> = Promise.resolve();
  release: () => void = () => undefined;

  hold(): void {
    this.gate = new Promise((resolve) => {
      this.release = resolve;
    });
  }

  open: StorageAdapter['open'] = (events) => this.inner.open(events);
  load: StorageAdapter['load'] = () => this.inner.load();
  close: StorageAdapter['close'] = () => this.inner.close();

  async transact(transaction: Parameters<StorageAdapter['transact']>[0]): Promise<void> {
    await this.gate;
    if (this.failure !== undefined) throw this.failure;
    await this.inner.transact(transaction);
  }
}

test('client: what has reached the store is told, and counts as pending until it is acknowledged', async () => {
  const client = clientOn(new FakeFactory());
  await client.start();
  client.getMap<number>('numbers').set('a', 1);
  await next(client, 'stored');
  await client.flush();
  assert.equal(client.pendingOps, 1);
  await client.close();
});
