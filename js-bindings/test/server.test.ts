import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext } from 'node:test';
import { WebSocket } from 'ws';
import type { EngineFactory } from '../src/bindings/engine.js';
import { BaseClient } from '../src/client/client.js';
import type { TopGunClientOptions } from '../src/client/options.js';
import { ErrorCode } from '../src/errors.js';
import { fileStorage } from '../src/storage/node.js';
import { memoryStorage } from '../src/storage/memory.js';
import { webSockets, type WebSocketConstructor } from '../src/transport/websocket.js';
import { next } from './support/clients.js';
import { testOnCores } from './support/cores.js';
import { TestServer } from './support/server.js';

const connect = webSockets(async () => WebSocket as unknown as WebSocketConstructor);

/** A started client on the network, closed when the test ends. */
async function online(
  factory: EngineFactory,
  t: TestContext,
  options: TopGunClientOptions,
): Promise<BaseClient> {
  const client = new BaseClient(options, {
    loadEngine: async () => factory,
    defaultStorage: memoryStorage,
    connect,
    onConnectivity: () => () => undefined,
  });
  t.after(() => client.close());
  await client.start();
  return client;
}

async function serverFor(t: TestContext, ...args: string[]): Promise<TestServer> {
  const server = await TestServer.start(args.length > 0 ? args : ['--memory']);
  t.after(() => server.kill());
  return server;
}

function directoryFor(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'topgun-server-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** Resolves when `holds` does; it is asked again at every event of the client. */
function until(client: BaseClient, holds: () => boolean): Promise<void> {
  if (holds()) return Promise.resolve();
  return new Promise((resolve) => {
    const stops: (() => void)[] = [];
    const check = (): void => {
      if (!holds()) return;
      for (const stop of stops) stop();
      resolve();
    };
    for (const name of ['status', 'synced', 'acked', 'rejected'] as const) {
      stops.push(client.on(name, check));
    }
  });
}

/** Resolves when a map looks as wanted; it is asked again at every change. */
function untilMap(
  map: { subscribe(listener: () => void): () => void },
  holds: () => boolean,
): Promise<void> {
  if (holds()) return Promise.resolve();
  return new Promise((resolve) => {
    const stop = map.subscribe(() => {
      if (!holds()) return;
      stop();
      resolve();
    });
  });
}

testOnCores('server: what one client writes reaches the other, deletions included', async (core, t) => {
  const server = await serverFor(t);
  const ann = await online(core, t, { serverUrl: server.url });
  const bob = await online(core, t, { serverUrl: server.url });
  const annMap = ann.getMap<{ n: number }>('m');
  const bobMap = bob.getMap<{ n: number }>('m');
  for (let n = 0; n < 500; n++) annMap.set(`k${n}`, { n });
  await ann.flush({ level: 'memory', timeoutMs: 10_000 });
  await untilMap(bobMap, () => bobMap.size === 500);
  assert.deepEqual(bobMap.get('k7'), { n: 7 });
  bobMap.delete('k7');
  await untilMap(annMap, () => !annMap.has('k7'));
  assert.equal(ann.pendingOps, 0);
  assert.deepEqual(ann.root(annMap), bob.root(bobMap));
});

testOnCores('server: bags and counters agree after concurrent writes', async (core, t) => {
  const server = await serverFor(t);
  const clients = [
    await online(core, t, { serverUrl: server.url }),
    await online(core, t, { serverUrl: server.url }),
  ];
  clients.forEach((client, index) => {
    client.getORMap<number>('bags').add('a', index);
    client.getPNCounter('counts', 'c').addAndGet(index + 1);
  });
  for (const client of clients) {
    const bags = client.getORMap<number>('bags');
    await untilMap(bags, () => bags.get('a').length === 2);
    const counter = client.getPNCounter('counts', 'c');
    await untilMap(counter, () => counter.get() === 3);
  }
  const [first, second] = clients as [BaseClient, BaseClient];
  first.getORMap<number>('bags').remove('a', 1);
  const bags = second.getORMap<number>('bags');
  await untilMap(bags, () => bags.get('a').length === 1);
  assert.deepEqual(bags.get('a'), [0]);
});

testOnCores('server: offline edits of both sides meet when they come back', async (core, t) => {
  const server = await serverFor(t);
  const ann = await online(core, t, { serverUrl: server.url });
  const bob = await online(core, t, { serverUrl: server.url });
  const maps = [ann.getMap<string>('m'), bob.getMap<string>('m')] as const;
  await until(ann, () => ann.status === 'online');
  ann.goOffline();
  bob.goOffline();
  await until(ann, () => ann.status === 'offline');
  maps[0].set('ann', 'was here');
  maps[1].set('bob', 'was here');
  maps[0].set('both', 'ann');
  maps[1].set('both', 'bob');
  assert.equal(ann.pendingOps, 2);
  ann.goOnline();
  bob.goOnline();
  for (const map of maps) await untilMap(map, () => map.size === 3);
  await ann.flush({ level: 'memory' });
  await bob.flush({ level: 'memory' });
  // Either side may be the one that hears of the other's write last.
  const agree = () => maps[0].get('both') === maps[1].get('both');
  await Promise.race(maps.map((map) => untilMap(map, agree)));
});

testOnCores('server: nothing acknowledged as local is missing after kill -9', async (core, t) => {
  const data = directoryFor(t);
  let server = await serverFor(t, '--data', data);
  const ann = await online(core, t, { serverUrl: server.url });
  const map = ann.getMap<number>('m');
  for (let n = 0; n < 300; n++) map.set(`k${n}`, n);
  await ann.flush({ level: 'local', timeoutMs: 20_000 });
  await server.kill();
  await until(ann, () => ann.status !== 'online');
  map.set('while it was down', 1);
  server = await TestServer.start(['--data', data], server.port);
  t.after(() => server.kill());
  const bob = await online(core, t, { serverUrl: server.url });
  const bobMap = bob.getMap<number>('m');
  await untilMap(bobMap, () => bobMap.size === 301);
  assert.equal(bobMap.get('k299'), 299);
});

testOnCores('server: unsent writes of a stored client are sent by its next start', async (core, t) => {
  const path = join(directoryFor(t), 'rows.log');
  const offline = await online(core, t, { storage: fileStorage(path) });
  offline.getMap<number>('m').set('a', 1);
  offline.getPNCounter('counts').addAndGet(5);
  await offline.flush();
  await offline.close();

  const server = await serverFor(t);
  const again = await online(core, t, { storage: fileStorage(path), serverUrl: server.url });
  assert.equal(again.pendingOps, 2);
  await again.flush({ level: 'memory', timeoutMs: 10_000 });
  assert.equal(again.pendingOps, 0);
  const other = await online(core, t, { serverUrl: server.url });
  const counter = other.getPNCounter('counts');
  await untilMap(counter, () => counter.get() === 5);
});

testOnCores('server: the largest value reaches a node that takes the shortest frames', async (core, t) => {
  const server = await serverFor(t, '--memory', '--frame-bytes-max', '786432');
  for (const transport of ['websocket', 'http'] as const) {
    const client = await online(core, t, { serverUrl: server.url, transport });
    const map = client.getMap<Uint8Array | string>(transport);
    // A batch that is almost full takes one more.
    map.set('before', 'x'.repeat(63 * 1024));
    map.set('k'.repeat(1024), new Uint8Array(512 * 1024 - 5));
    map.set('after', 'small');
    await client.flush({ level: 'memory', timeoutMs: 10_000 });
    assert.equal(client.pendingOps, 0);
  }
});

testOnCores('server: flush names a level that is not reached in time', async (core, t) => {
  const client = await online(core, t, { serverUrl: 'http://127.0.0.1:1' });
  client.getMap<number>('m').set('a', 1);
  await assert.rejects(client.flush({ level: 'memory', timeoutMs: 50 }), {
    code: ErrorCode.TimedOut,
  });
});

testOnCores('server: a copied store gets a new replica id, and every write counts once', async (core, t) => {
  const server = await serverFor(t, '--data', directoryFor(t));
  const directory = directoryFor(t);
  const original = join(directory, 'original');
  const first = await online(core, t, { storage: fileStorage(original) });
  first.getPNCounter('counts', 'c').addAndGet(1);
  await first.flush();
  await first.close();
  const copied = join(directory, 'copy');
  cpSync(original, copied, { recursive: true });

  const holder = await online(core, t, { serverUrl: server.url, storage: fileStorage(original) });
  const counter = holder.getPNCounter('counts', 'c');
  counter.addAndGet(10);
  await holder.flush({ level: 'memory', timeoutMs: 10_000 });
  const copy = await online(core, t, { serverUrl: server.url, storage: fileStorage(copied) });
  const replaced = next(copy, 'replica-replaced');
  const copiedCounter = copy.getPNCounter('counts', 'c');
  copiedCounter.addAndGet(100);
  const { nodeId, former } = await replaced;
  assert.equal(former, holder.nodeId);
  assert.equal(nodeId, copy.nodeId);
  assert.notEqual(nodeId, former);
  await copy.flush({ level: 'memory', timeoutMs: 10_000 });
  await untilMap(counter, () => counter.get() === 111);
  await untilMap(copiedCounter, () => copiedCounter.get() === 111);
});
