// The conformance suite of the client: what must hold in every runtime, with either build of the core, over
// every transport. Plain JavaScript without imports, so that it can be bundled for anything.

/**
 * Runs every case with a fresh pair of map names and resolves to a line a case: `{ name, error }`, where
 * `error` is absent if it passed. `options` go to every client.
 */
export async function runConformance({ TopGunClient, memoryStorage }, serverUrl, options = {}) {
  const results = [];
  for (const [name, run] of Object.entries(cases)) {
    const world = new World(TopGunClient, memoryStorage, serverUrl, options);
    try {
      await run(world);
      results.push({ name });
    } catch (error) {
      results.push({ name, error: String(error?.stack ?? error) });
    } finally {
      await world.close();
    }
  }
  return results;
}

/** How many cases there are, so that a run that lost some is noticed. */
export function caseCount() {
  return Object.keys(cases).length;
}

const WAIT_MS = 20_000;

/** The clients of one case, and the server between them. */
class World {
  prefix = crypto.randomUUID();
  clients = [];

  constructor(TopGunClient, memoryStorage, serverUrl, options) {
    Object.assign(this, { TopGunClient, memoryStorage, serverUrl, options });
  }

  name(map) {
    return `${map}-${this.prefix}`;
  }

  async open(more = {}) {
    const client = new this.TopGunClient({
      serverUrl: this.serverUrl,
      storage: this.memoryStorage(),
      ...this.options,
      ...more,
    });
    client.on('error', (error) => {
      client.lastError = error;
    });
    this.clients.push(client);
    await client.start();
    return client;
  }

  async close() {
    await Promise.all(this.clients.map((client) => client.close()));
  }
}

/** Resolves when `holds` is true of a map; it is asked again at every change. */
function until(map, holds, what) {
  return new Promise((resolve, reject) => {
    const check = () => {
      if (!holds()) return;
      clearTimeout(timer);
      stop();
      resolve();
    };
    const timer = setTimeout(() => {
      stop();
      reject(new Error(`waited in vain: ${what}`));
    }, WAIT_MS);
    const stop = map.subscribe(check);
    check();
  });
}

function equal(actual, expected, what) {
  const [a, b] = [actual, expected].map((value) => JSON.stringify(value));
  if (a !== b) throw new Error(`${what}: ${a} instead of ${b}`);
}

const flush = (client, level = 'memory') => client.flush({ level, timeoutMs: WAIT_MS });

/** Resolves when both replicas hold the same records; `maps` are those of the two clients. */
async function agree([ann, bob], [annMap, bobMap]) {
  const same = () => JSON.stringify(ann.root(annMap)) === JSON.stringify(bob.root(bobMap));
  const deadline = Date.now() + WAIT_MS;
  while (!same()) {
    if (Date.now() > deadline) throw new Error('the roots still differ');
    ann.refresh();
    bob.refresh();
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

const cases = {
  async 'reads and writes are local and at once'(world) {
    const client = await world.open({ serverUrl: undefined });
    const map = client.getMap(world.name('m'));
    const seen = [];
    map.subscribe((changes) => seen.push(...changes.map(({ key, value }) => [key, value])));
    map.set('a', 1);
    map.set('b', 2);
    equal(map.delete('a'), true, 'delete');
    equal([...map], [['b', 2]], 'entries');
    equal(seen, [['a', 1], ['b', 2], ['a', undefined]], 'changes');
    const bag = client.getORMap(world.name('bag'));
    bag.add('a', 'x');
    bag.add('a', 'y');
    bag.remove('a', 'x');
    equal(bag.get('a'), ['y'], 'bag');
    const counter = client.getPNCounter(world.name('n'));
    equal(counter.addAndGet(7), 7, 'counter');
  },

  async 'values of every type arrive as they left'(world) {
    const [ann, bob] = [await world.open(), await world.open()];
    const value = {
      date: new Date(1_700_000_000_123),
      big: 2n ** 80n,
      bytes: Uint8Array.of(0, 255, 1),
      list: [null, true, -0.5, 2 ** 53 - 1, 'ä€𝄞'],
    };
    ann.getMap(world.name('m')).set('k', value);
    const map = bob.getMap(world.name('m'));
    await until(map, () => map.has('k'), 'the value');
    const got = map.get('k');
    equal(got.date.getTime(), value.date.getTime(), 'date');
    equal(String(got.big), String(value.big), 'bigint');
    equal([...got.bytes], [...value.bytes], 'bytes');
    equal(got.list, value.list, 'list');
  },

  async 'what one client writes reaches the other, deletions included'(world) {
    const [ann, bob] = [await world.open(), await world.open()];
    const maps = [ann.getMap(world.name('m')), bob.getMap(world.name('m'))];
    for (let n = 0; n < 500; n++) maps[0].set(`k${n}`, { n });
    await until(maps[1], () => maps[1].size === 500, '500 entries');
    maps[1].delete('k7');
    await until(maps[0], () => !maps[0].has('k7'), 'the deletion');
    await Promise.all([flush(ann), flush(bob)]);
    await agree([ann, bob], maps);
    equal([ann.pendingOps, bob.pendingOps], [0, 0], 'pending');
  },

  async 'bags and counters are exact after concurrent writes'(world) {
    const clients = [await world.open(), await world.open()];
    const bags = clients.map((client) => client.getORMap(world.name('bag')));
    const counters = clients.map((client) => client.getPNCounter(world.name('n')));
    for (let step = 0; step < 50; step++) {
      bags.forEach((bag, index) => bag.add('all', `${index}-${step}`));
      counters.forEach((counter, index) => counter.addAndGet(index === 0 ? 3 : -1));
      if (step % 10 === 0) await flush(clients[step % 20 === 0 ? 0 : 1]);
    }
    for (const index of [0, 1]) {
      await until(bags[index], () => bags[index].get('all').length === 100, '100 elements');
      await until(counters[index], () => counters[index].get() === 100, '100 counted');
    }
    equal(new Set(bags[0].get('all')).size, 100, 'each once');
  },

  async 'of many writes of a key the last one stays'(world) {
    const [ann, bob] = [await world.open(), await world.open()];
    const maps = [ann.getMap(world.name('m')), bob.getMap(world.name('m'))];
    const seen = [];
    maps[1].subscribe('k', ({ value }) => seen.push(value));
    for (let n = 1; n <= 200; n++) {
      maps[0].set('k', n);
      if (n % 40 === 0) await flush(ann);
    }
    await until(maps[1], () => maps[1].get('k') === 200, 'the last write');
    equal(seen, [...seen].sort((a, b) => a - b), 'order');
  },

  async 'offline edits of both sides meet when they come back'(world) {
    const [ann, bob] = [await world.open(), await world.open()];
    const maps = [ann.getMap(world.name('m')), bob.getMap(world.name('m'))];
    maps[0].set('both', 'before');
    await until(maps[1], () => maps[1].has('both'), 'the first write');
    ann.goOffline();
    bob.goOffline();
    maps[0].set('ann', 'was here');
    maps[1].set('bob', 'was here');
    maps[0].delete('both');
    equal(ann.pendingOps > 0, true, 'pending while offline');
    equal(ann.status, 'offline', 'status');
    ann.goOnline();
    bob.goOnline();
    await until(maps[0], () => maps[0].has('bob'), 'what bob wrote');
    await until(maps[1], () => maps[1].has('ann') && !maps[1].has('both'), 'what ann wrote');
    await agree([ann, bob], maps);
  },

  async 'a new client gets a map that takes several answers'(world) {
    const ann = await world.open();
    const source = ann.getMap(world.name('m'));
    const text = 'x'.repeat(700);
    for (let n = 0; n < 3000; n++) source.set(`key-${n}`, { n, text });
    await flush(ann);
    const bob = await world.open();
    const copy = bob.getMap(world.name('m'));
    await until(copy, () => copy.size === 3000, '3000 entries');
    await agree([ann, bob], [source, copy]);
    bob.goOffline();
    for (let n = 0; n < 300; n++) source.set(`key-${n * 7}`, { n, text: 'changed' });
    copy.set('of bob', 1);
    bob.goOnline();
    await until(copy, () => copy.get('key-2093')?.text === 'changed', 'the changes');
    await until(source, () => source.has('of bob'), 'what bob wrote');
    await agree([ann, bob], [source, copy]);
  },

  async 'an entry with a time to live ends everywhere'(world) {
    const [ann, bob] = [await world.open(), await world.open()];
    const maps = [ann.getMap(world.name('m')), bob.getMap(world.name('m'))];
    maps[0].set('brief', 1, { ttlMs: 1_500 });
    await until(maps[1], () => maps[1].has('brief'), 'the entry');
    await until(maps[1], () => !maps[1].has('brief'), 'its end');
    await until(maps[0], () => !maps[0].has('brief'), 'its end here');
  },

  async 'a refused write is taken back and reported'(world) {
    const client = await world.open();
    const map = client.getMap('$topgun.replicas');
    const rejected = new Promise((resolve) => client.on('rejected', resolve));
    map.set('mine', 1);
    const { key, error } = await rejected;
    equal([key, error.codeName], ['mine', 'forbidden'], 'refusal');
    await until(map, () => !map.has('mine'), 'the effect undone');
  },

  async 'unsent writes outlive their client if the store does'(world) {
    const storage = world.memoryStorage();
    const before = await world.open({ storage });
    before.goOffline();
    before.getMap(world.name('m')).set('k', 'written offline');
    before.getPNCounter(world.name('n')).addAndGet(5);
    await before.flush();
    await before.close();
    const after = await world.open({ storage });
    after.getMap(world.name('m'));
    await flush(after);
    const other = await world.open();
    const map = other.getMap(world.name('m'));
    const counter = other.getPNCounter(world.name('n'));
    await until(map, () => map.get('k') === 'written offline', 'the write');
    await until(counter, () => counter.get() === 5, 'the count');
  },

  async 'the client says by what it is connected'(world) {
    const client = await world.open();
    const told = [];
    client.on('transport', (transport) => told.push(transport));
    client.getMap(world.name('m')).set('k', 1);
    await flush(client);
    const { transport = 'auto' } = world.options;
    if (transport !== 'auto') equal(client.transport, transport, 'transport');
    equal(told.every((each) => each === client.transport), true, 'told');
    equal(client.status, 'online', 'status');
    equal(client.lastError === undefined, true, `errors: ${client.lastError}`);
  },
};
