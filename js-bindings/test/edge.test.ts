import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import { type AddressInfo } from 'node:net';
import { test, type TestContext } from 'node:test';
import { EngineTrapped, type Engine, type EngineFactory } from '../src/bindings/engine.js';
import { syncRelay, type SyncRelayOptions } from '../src/edge/relay.js';
import { EdgeReplica, type EdgeReplicaOptions } from '../src/edge/replica.js';
import {
  durableObjectStorage,
  kvStorage,
  r2Storage,
  type DurableObjectStorageLike,
  type EdgeStorage,
} from '../src/edge/storage.js';
import { ErrorCode, TopGunError } from '../src/errors.js';
import { testOnCores } from './support/cores.js';
import { TestServer } from './support/server.js';

async function serverFor(t: TestContext): Promise<TestServer> {
  const server = await TestServer.start(['--memory']);
  t.after(() => server.kill());
  return server;
}

function replicaOn(factory: EngineFactory, t: TestContext, options: EdgeReplicaOptions): EdgeReplica {
  const replica = new EdgeReplica(options, async () => factory);
  t.after(() => replica.close());
  return replica;
}

/** A `fetch` that counts, and that the test may take over. */
class Requests {
  count = 0;
  onRequest: ((pass: () => Promise<Response>) => Promise<Response>) | undefined;
  readonly fetch = (url: unknown, init?: RequestInit): Promise<Response> => {
    this.count++;
    const pass = (): Promise<Response> => fetch(url as string, init);
    return this.onRequest?.(pass) ?? pass();
  };
}

const isCode = (code: ErrorCode) => (error: unknown) => error instanceof TopGunError && error.code === code;

testOnCores('edge: what one instance writes the other reads, once it is stale', async (core, t) => {
  const { url: serverUrl } = await serverFor(t);
  const [ann, bob] = [1, 2].map(() => replicaOn(core, t, { serverUrl, maxStalenessMs: 60_000 }));
  const maps = [ann!.getMap<number>('m'), bob!.getMap<number>('m')] as const;
  await Promise.all([ann!.fresh(), bob!.fresh()]);
  assert.equal(ann!.stalenessMs < 60_000, true);
  await ann!.write(() => {
    maps[0].set('a', 1);
    maps[0].set('b', 2);
  });
  await bob!.fresh();
  assert.equal(maps[1].get('a'), undefined);
  await bob!.fresh(0);
  assert.deepEqual([maps[1].get('a'), maps[1].get('b')], [1, 2]);
});

testOnCores('edge: reads within the staleness cost no request', async (core, t) => {
  const { url: serverUrl } = await serverFor(t);
  const requests = new Requests();
  const replica = replicaOn(core, t, { serverUrl, maxStalenessMs: 60_000, fetch: requests.fetch });
  replica.getMap('m');
  await replica.fresh();
  const { count } = requests;
  for (let read = 0; read < 10; read++) await replica.fresh();
  assert.equal(requests.count, count);
  replica.getMap('another');
  await replica.fresh();
  assert.ok(requests.count > count);
});

testOnCores('edge: requests at the same time share what they ask, and every write counts once', async (core, t) => {
  const { url: serverUrl } = await serverFor(t);
  const requests = new Requests();
  const replica = replicaOn(core, t, { serverUrl, fetch: requests.fetch });
  const counter = replica.getPNCounter('n');
  await Promise.all(
    Array.from({ length: 50 }, async () => {
      await replica.fresh();
      await replica.write(() => counter.increment());
    }),
  );
  assert.equal(counter.get(), 50);
  assert.ok(requests.count < 25, `${requests.count} requests`);
  const witness = replicaOn(core, t, { serverUrl });
  const counted = witness.getPNCounter('n');
  await witness.fresh();
  assert.equal(counted.get(), 50);
});

testOnCores('edge: an answer that is lost is asked for again, and nothing is doubled', async (core, t) => {
  const { url: serverUrl } = await serverFor(t);
  const requests = new Requests();
  const replica = replicaOn(core, t, { serverUrl, fetch: requests.fetch });
  const counter = replica.getPNCounter('n');
  for (let step = 0; step < 5; step++) {
    let loses = true;
    requests.onRequest = async (pass) => {
      const answer = await pass();
      if (!loses) return answer;
      loses = false;
      throw new TypeError('connection reset');
    };
    await replica.write(() => counter.increment());
  }
  const witness = replicaOn(core, t, { serverUrl });
  const counted = witness.getPNCounter('n');
  await witness.fresh();
  assert.deepEqual([counter.get(), counted.get()], [5, 5]);
});

testOnCores('edge: a request that died in the middle holds up the next only for a while', async (core, t) => {
  const { url: serverUrl } = await serverFor(t);
  const requests = new Requests();
  const replica = replicaOn(core, t, { serverUrl, fetch: requests.fetch, timeoutMs: 200 });
  const map = replica.getMap<number>('m');
  await replica.fresh();
  requests.onRequest = () => new Promise(() => undefined); // As if the isolate had dropped it.
  void replica.write(() => map.set('k', 1)).catch(() => undefined);
  await new Promise((resolve) => setImmediate(resolve));
  requests.onRequest = undefined;
  const next = async (): Promise<void> => replica.write(() => map.set('l', 2));
  await next().catch(next);
  const witness = replicaOn(core, t, { serverUrl });
  const seen = witness.getMap<number>('m');
  await witness.fresh();
  assert.deepEqual([seen.get('k'), seen.get('l')], [1, 2]);
});

testOnCores('edge: refusals reach the one who wrote', async (core, t) => {
  const { url: serverUrl } = await serverFor(t);
  const replica = replicaOn(core, t, { serverUrl });
  const reserved = replica.getMap<number>('$topgun.replicas');
  const map = replica.getMap<number>('m');
  const write = (own: () => void): Promise<void> => replica.write(own);
  const results = await Promise.allSettled([
    write(() => map.set('k', 1)),
    write(() => reserved.set('k', 1)),
    write(() => map.set('l', 1)),
  ]);
  assert.deepEqual(results.map(({ status }) => status), ['fulfilled', 'rejected', 'fulfilled']);
  assert.ok(isCode(ErrorCode.Forbidden)((results[1] as PromiseRejectedResult).reason));
  assert.equal(reserved.has('k'), false);
});

testOnCores('edge: an origin that does not answer is an error, and reads go on', async (core, t) => {
  const server = await serverFor(t);
  const replica = replicaOn(core, t, { serverUrl: server.url, timeoutMs: 2_000 });
  const map = replica.getMap<number>('m');
  await replica.write(() => map.set('k', 1));
  server.kill();
  await assert.rejects(replica.fresh(0), isCode(ErrorCode.NotReady));
  assert.equal(map.get('k'), 1);
});

/** A store in memory that counts. */
class CountingStorage implements EdgeStorage {
  saved: Uint8Array | undefined;
  saves = 0;
  async load(): Promise<Uint8Array | undefined> {
    return this.saved;
  }
  async save(snapshot: Uint8Array): Promise<void> {
    this.saved = snapshot.slice();
    this.saves++;
  }
}

testOnCores('edge: a new instance starts from what was saved, and fetches only what changed', async (core, t) => {
  const { url: serverUrl } = await serverFor(t);
  const storage = new CountingStorage();
  const first = replicaOn(core, t, { serverUrl, storage, saveEveryMs: 0 });
  const map = first.getMap<string>('m');
  await first.fresh();
  await first.write(() => {
    for (let n = 0; n < 500; n++) map.set(`k${n}`, 'x'.repeat(200));
  });
  assert.ok(storage.saves > 0);
  const { saves } = storage;
  await first.fresh(0);
  assert.equal(storage.saves, saves, 'nothing has changed');

  let received = 0;
  const counted = async (url: unknown, init?: RequestInit): Promise<Response> => {
    const body = await (await fetch(url as string, init)).arrayBuffer();
    received += body.byteLength;
    return new Response(body, { headers: { 'content-type': 'application/x-topgun' } });
  };
  const second = replicaOn(core, t, { serverUrl, storage, fetch: counted });
  const copy = second.getMap<string>('m');
  await second.fresh();
  assert.equal(copy.size, 500);
  assert.ok(received < 1_000, `${received} bytes`);
  await second.write(() => copy.set('new', 'y'));
  await first.fresh(0);
  assert.equal(map.get('new'), 'y');
});

testOnCores('edge: a store that fails or holds nonsense costs nothing but time', async (core, t) => {
  const { url: serverUrl } = await serverFor(t);
  const errors: TopGunError[] = [];
  for (const load of [
    async () => Promise.reject(new Error('no such bucket')),
    async () => Uint8Array.of(5, 1, 2, 3),
  ]) {
    const save = async (): Promise<void> => Promise.reject(new Error('full'));
    const storage: EdgeStorage = { load, save };
    const onError = (error: TopGunError): void => void errors.push(error);
    const replica = replicaOn(core, t, { serverUrl, storage, saveEveryMs: 0, onError });
    const map = replica.getMap<number>('m');
    await replica.write(() => map.set('k', 1));
    assert.equal(map.get('k'), 1);
  }
  assert.ok(errors.length >= 4, `${errors.length} errors`);
});

testOnCores('edge: an engine that trapped is replaced by the next request', async (core, t) => {
  const { url: serverUrl } = await serverFor(t);
  let traps = false;
  const trapping: EngineFactory = {
    kind: core.kind,
    create: async (): Promise<Engine> => {
      const engine = await core.create();
      const exec = (request: Uint8Array): Uint8Array => {
        if (!traps) return engine.exec(request);
        traps = false;
        throw new EngineTrapped('staged');
      };
      return { exec, poll: () => engine.poll(), close: () => engine.close() };
    },
  };
  const replica = replicaOn(trapping, t, { serverUrl });
  const map = replica.getMap<number>('m');
  await replica.write(() => map.set('k', 1));
  traps = true;
  await assert.rejects(replica.write(() => map.set('l', 2)), isCode(ErrorCode.EngineTrap));
  await replica.fresh();
  assert.equal(map.get('k'), 1);
  await replica.write(() => map.set('l', 2));
});

/** The storage of a Durable Object, with its limits. */
class FakeDurableStorage implements DurableObjectStorageLike {
  readonly values = new Map<string, unknown>();
  get(key: string): Promise<unknown>;
  get(keys: string[]): Promise<Map<string, unknown>>;
  async get(keys: string | string[]): Promise<unknown> {
    if (typeof keys === 'string') return this.values.get(keys);
    assert.ok(keys.length <= 128);
    return new Map(keys.filter((key) => this.values.has(key)).map((key) => [key, this.values.get(key)]));
  }
  async put(entries: Record<string, unknown>): Promise<void> {
    assert.ok(Object.keys(entries).length <= 128);
    for (const [key, value] of Object.entries(entries)) {
      if (value instanceof Uint8Array) assert.ok(value.length <= 128 * 1024);
      this.values.set(key, value);
    }
  }
  async delete(keys: string[]): Promise<void> {
    for (const key of keys) this.values.delete(key);
  }
}

test('edge: a Durable Object holds snapshots of any size, and only the last one', async () => {
  const fake = new FakeDurableStorage();
  const storage = durableObjectStorage(fake);
  assert.equal(await storage.load(), undefined);
  for (const size of [1, 100 * 1024, 20_000_000, 300_000]) {
    const snapshot = new Uint8Array(size).map((_, index) => index % 251);
    await storage.save(snapshot);
    assert.deepEqual(await storage.load(), snapshot);
  }
  assert.equal(fake.values.size, 4);
  fake.values.delete([...fake.values.keys()].find((key) => key.endsWith(':1'))!);
  assert.equal(await storage.load(), undefined);
});

test('edge: KV and R2 hold a snapshot under one key', async () => {
  const values = new Map<string, ArrayBuffer>();
  const put = async (key: string, value: ArrayBuffer | ArrayBufferView): Promise<void> => {
    values.set(key, await new Response(value as Uint8Array<ArrayBuffer>).arrayBuffer());
  };
  const kv = kvStorage({ get: async (key) => values.get(key) ?? null, put }, 'kv');
  const found = (key: string): { arrayBuffer(): Promise<ArrayBuffer> } | null => {
    const value = values.get(key);
    return value === undefined ? null : { arrayBuffer: async () => value };
  };
  const r2 = r2Storage({ get: async (key) => found(key), put }, 'r2');
  for (const storage of [kv, r2]) {
    assert.equal(await storage.load(), undefined);
    await storage.save(Uint8Array.of(1, 2, 3));
    assert.deepEqual(await storage.load(), Uint8Array.of(1, 2, 3));
  }
  assert.deepEqual([...values.keys()], ['kv', 'r2']);
});

/** Serves the relay over real HTTP, as a platform would. */
async function relayFor(t: TestContext, options: SyncRelayOptions): Promise<string> {
  const server: Server = createServer((incoming, outgoing) => {
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('end', () => {
      const body = incoming.method === 'POST' ? { body: Buffer.concat(chunks) } : {};
      const headers = incoming.headers as Record<string, string>;
      const request = new Request(`http://edge${incoming.url}`, { method: incoming.method!, headers, ...body });
      void syncRelay(request, options).then(async (answer) => {
        outgoing.writeHead(answer.status, Object.fromEntries(answer.headers));
        const reader = answer.body?.getReader();
        outgoing.on('close', () => void reader?.cancel().catch(() => undefined));
        for (let next = await reader?.read(); next?.done === false; next = await reader!.read()) {
          outgoing.write(next.value);
        }
        outgoing.end();
      }).catch(() => outgoing.destroy());
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

testOnCores('relay: a replica behind it does not notice', async (core, t) => {
  const { url: origin } = await serverFor(t);
  const serverUrl = await relayFor(t, { origin });
  const replica = replicaOn(core, t, { serverUrl });
  const map = replica.getMap<number>('m');
  await replica.write(() => map.set('k', 1));
  const direct = replicaOn(core, t, { serverUrl: origin });
  const seen = direct.getMap<number>('m');
  await direct.fresh();
  assert.equal(seen.get('k'), 1);
});

test('relay: what is none of its business, and what is too large', async () => {
  const ask = (path: string, init: RequestInit = {}): Promise<Response> =>
    syncRelay(new Request(`http://edge${path}`, init), {
      origin: 'http://127.0.0.1:9',
      bodyBytesMax: 100,
    });
  assert.equal((await ask('/metrics')).status, 404);
  assert.equal((await ask('/sync', { method: 'PUT', body: 'x' })).status, 405);
  assert.equal((await ask('/sync', { method: 'POST', body: 'x' })).status, 502);
  const announced = { method: 'POST', body: 'x', headers: { 'content-length': '101' } };
  assert.equal((await ask('/sync', announced)).status, 413);
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      for (let piece = 0; piece < 10; piece++) controller.enqueue(new Uint8Array(50));
      controller.close();
    },
  });
  const unannounced = await ask('/sync', { method: 'POST', body, duplex: 'half' } as RequestInit);
  assert.equal(unannounced.status === 413 || unannounced.status === 502, true);
});

test('relay: only what the server judges by leaves, and its answer comes back whole', async () => {
  let seen = new Headers();
  const origin = async (url: unknown, init?: RequestInit): Promise<Response> => {
    seen = new Headers(init?.headers);
    assert.equal(url, 'http://origin.test/sync/events?request=AA');
    return new Response('event', { status: 429, headers: { 'retry-after': '7', 'x-own': 'kept' } });
  };
  const headers = { authorization: 'Bearer t', cookie: 'secret', accept: 'text/event-stream' };
  const request = new Request('http://edge/app/sync/events?request=AA', { headers });
  const answer = await syncRelay(request, { origin: 'http://origin.test', fetch: origin });
  assert.deepEqual([answer.status, answer.headers.get('retry-after'), await answer.text()], [429, '7', 'event']);
  assert.equal(answer.headers.get('x-own'), 'kept');
  assert.deepEqual(Object.fromEntries(seen), {
    'accept-encoding': 'identity',
    accept: 'text/event-stream',
    authorization: 'Bearer t',
  });
});
