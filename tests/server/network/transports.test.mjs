// Goal: which transport carries the conversation, and how often it changes, makes no difference to what arrives:
// nothing is lost or doubled, and per key nothing comes out of order. Method: clients of the packed package
// behind a proxy that likes WebSockets or requests, one or the other, by a seed; counters and bags tell of every
// write that was lost or counted twice, and a listener of every step back.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { TopGunClient, memoryStorage } from 'topgun';

import { Draws } from '../../support/draws.mjs';
import { Proxy } from '../../support/proxy.mjs';
import { ServerProcess } from '../../support/server.mjs';

const SEED = Number(process.env.TOPGUN_SEED ?? 20261122);
/** 12 s of trouble; `TOPGUN_TRANSPORT_SECONDS` makes it longer. */
const TROUBLE_MS = Number(process.env.TOPGUN_TRANSPORT_SECONDS ?? 12) * 1000;
const WRITERS = 3;

async function setUp(t) {
  const server = await ServerProcess.start();
  t.after(() => server.kill());
  const proxy = await Proxy.start(server.port);
  t.after(() => proxy.close());
  return proxy;
}

async function open(t, serverUrl, options = {}) {
  const client = new TopGunClient({ serverUrl, storage: memoryStorage(), ...options });
  t.after(() => client.close());
  await client.start();
  return client;
}

function until(map, holds, what) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`waited in vain: ${what()}`)), 60_000);
    const stop = map.subscribe(() => check());
    const check = () => {
      if (!holds()) return;
      clearTimeout(timer);
      stop();
      resolve();
    };
    check();
  });
}

/** What the bag of client `own` has too much or too little of, by name. */
function differences(own, elements, steps) {
  const seen = new Set();
  const doubled = elements.filter((element) => seen.size === seen.add(element).size);
  const missing = [];
  for (let writer = 0; writer < WRITERS; writer++) {
    for (let step = 1; step <= steps; step++) if (!seen.has(`${writer}-${step}`)) missing.push(`${writer}-${step}`);
  }
  const some = (list) => `${list.length} (${list.slice(0, 20).join(' ')})`;
  return `client ${own} after ${steps} steps: missing ${some(missing)}, doubled ${some(doubled)}`;
}

function transportIs(client, wanted) {
  if (client.transport === wanted && client.status === 'online') return Promise.resolve();
  return new Promise((resolve) => {
    const stops = ['transport', 'status'].map((name) =>
      client.on(name, () => {
        if (client.transport !== wanted || client.status !== 'online') return;
        for (const stop of stops) stop();
        resolve();
      }),
    );
  });
}

test('transports: switched at random under load, every write counts once and in order', { timeout: TROUBLE_MS + 150_000 }, async (t) => {
  t.diagnostic(`seed ${SEED}`);
  const draws = new Draws(SEED, 'transports');
  const proxy = await setUp(t);
  const clients = await Promise.all(Array.from({ length: WRITERS }, () => open(t, proxy.url)));
  const counters = clients.map((client) => client.getPNCounter('count'));
  const bags = clients.map((client) => client.getORMap('bag'));
  const lasts = clients.map((client) => client.getMap('last'));
  const backwards = [];
  const seen = new Set();
  for (const [own, map] of lasts.entries()) {
    map.subscribe((changes) => {
      for (const { key, value, previous } of changes) {
        if (previous !== undefined && value < previous) backwards.push(`${own}: ${key} ${previous} → ${value}`);
      }
    });
    clients[own].on('transport', (transport) => seen.add(transport));
  }

  let steps = 0;
  const write = () => {
    steps += 1;
    for (let own = 0; own < WRITERS; own++) {
      counters[own].addAndGet(own + 1);
      bags[own].add(`key-${steps % 10}`, `${own}-${steps}`);
      lasts[own].set(`of-${own}`, steps);
    }
  };
  const endAt = performance.now() + TROUBLE_MS;
  for (let phase = 0; performance.now() < endAt; phase++) {
    const likesSockets = phase % 2 === 0;
    proxy.webSockets = likesSockets ? 'pass' : 'refuse';
    proxy.requests = likesSockets ? 'refuse' : 'pass';
    if (likesSockets) proxy.killRequests();
    else proxy.killWebSockets();
    const phaseEnd = performance.now() + 400 + draws.below(1200);
    while (performance.now() < phaseEnd) {
      write();
      await new Promise((resolve) => setTimeout(resolve, 1 + draws.below(20)));
    }
  }
  proxy.webSockets = 'pass';
  proxy.requests = 'pass';
  await Promise.all(clients.map((client) => client.flush({ level: 'memory', timeoutMs: 60_000 })));

  const total = (steps * WRITERS * (WRITERS + 1)) / 2;
  const elements = (bag) => Array.from({ length: 10 }, (_, n) => bag.get(`key-${n}`)).flat();
  for (const own of clients.keys()) {
    await until(counters[own], () => counters[own].get() === total, () => `${counters[own].get()} of ${total}`);
    await until(bags[own], () => elements(bags[own]).length === steps * WRITERS, () => differences(own, elements(bags[own]), steps));
    assert.equal(new Set(elements(bags[own])).size, steps * WRITERS);
    for (let other = 0; other < WRITERS; other++) {
      await until(lasts[own], () => lasts[own].get(`of-${other}`) === steps, () => `of-${other}`);
    }
  }
  assert.deepEqual(backwards, []);
  assert.deepEqual([...seen].sort(), ['http', 'websocket']);
  t.diagnostic(`${steps} steps, ${JSON.stringify(proxy.counts)}`);
});

test('transports: behind a proxy that refuses WebSockets requests take over, and give way when it stops', { timeout: 60_000 }, async (t) => {
  const proxy = await setUp(t);
  proxy.webSockets = 'refuse';
  const client = await open(t, proxy.url);
  client.getMap('m').set('k', 1);
  await client.flush({ level: 'memory', timeoutMs: 20_000 });
  assert.equal(client.transport, 'http');
  proxy.webSockets = 'pass';
  await transportIs(client, 'websocket');
  client.getMap('m').set('k', 2);
  await client.flush({ level: 'memory', timeoutMs: 20_000 });
});

test('transports: a proxy that says nothing to an upgrade is not waited for long', { timeout: 60_000 }, async (t) => {
  const proxy = await setUp(t);
  proxy.webSockets = 'swallow';
  const client = await open(t, proxy.url);
  const startedAt = performance.now();
  client.getMap('m').set('k', 1);
  await client.flush({ level: 'memory', timeoutMs: 30_000 });
  assert.equal(client.transport, 'http');
  assert.ok(performance.now() - startedAt < 10_000);
});

test('transports: where streams are gathered, answers are held back instead', { timeout: 60_000 }, async (t) => {
  const proxy = await setUp(t);
  proxy.requests = 'gather';
  const [ann, bob] = [await open(t, proxy.url, { transport: 'http' }), await open(t, proxy.url, { transport: 'http' })];
  const map = bob.getMap('m');
  ann.getMap('m').set('k', 1);
  await until(map, () => map.get('k') === 1, () => 'the first write');
  // From here on it is known: nothing waits for a stream any more.
  const { streams } = proxy.counts;
  for (let value = 2; value < 5; value++) {
    const startedAt = performance.now();
    ann.getMap('m').set('k', value);
    await until(map, () => map.get('k') === value, () => `write ${value}`);
    assert.ok(performance.now() - startedAt < 4_000);
  }
  assert.equal(proxy.counts.streams, streams);
});
