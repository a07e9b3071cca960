// Goal: replicas in workers are what the guide says: they share what they ask, survive that requests end and
// instances come and go, and start from what is stored. Method: workerd with real KV, R2 and Durable Objects, and
// the examples as their start scripts run them.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, test } from 'node:test';

import { TopGunClient, memoryStorage } from 'topgun';

import { installFixture, packPackage } from '../packaging/install.mjs';
import { fromRoot } from '../support/paths.mjs';
import { ServerProcess } from '../support/server.mjs';
import { bundleWorker, startWorker } from './lib/workerd.mjs';

const EXAMPLES = ['cloudflare-worker', 'vercel-edge', 'lambda'];

let app;
let server;

before(async () => {
  app = await installFixture(await packPackage());
  // Beside the installed packages, which they import.
  for (const name of EXAMPLES) {
    const copy = join(app, 'examples', name);
    await rm(copy, { recursive: true, force: true });
    await cp(fromRoot(`examples/${name}`), copy, { recursive: true });
  }
  await rm(join(app, 'conformance'), { recursive: true, force: true });
  await cp(fromRoot('tests/conformance'), join(app, 'conformance'), { recursive: true });
  server = await ServerProcess.start();
});

after(() => server?.kill());

test('workerd: KV, R2 and Durable Objects hold what new instances start from', async (t) => {
  const worker = await startWorker(app, await bundleWorker(join(app, 'conformance/edge/worker.mjs')), {
    bindings: { ORIGIN: server.url },
    kvNamespaces: ['KV'],
    r2Buckets: ['R2'],
    durableObjects: { OBJECT: { className: 'TestObject', useSQLite: true } },
  });
  t.after(() => worker.dispose());
  for (const storage of ['kv', 'r2', 'object']) {
    await t.test(storage, async () => {
      for (const round of [1, 2, 3]) {
        const answer = await worker.dispatchFetch(`http://worker/?storage=${storage}`);
        const { sizes, received } = JSON.parse(await answer.text());
        assert.deepEqual(sizes, [round * 50, round * 50]);
        assert.ok(received < 1_000, `${received} bytes from the origin`);
      }
    });
  }
  await t.test('requests at once share a replica, and each counts', async () => {
    const answers = await Promise.all(
      Array.from({ length: 40 }, () => worker.dispatchFetch('http://worker/count')),
    );
    const counts = await Promise.all(answers.map(async (answer) => (await answer.json()).count));
    assert.equal(Math.max(...counts), 40);
  });
});

test('workerd: a replica answers queries from its isolate, and has the origin answer them', async (t) => {
  const worker = await startWorker(app, await bundleWorker(join(app, 'conformance/edge/worker.mjs')), {
    bindings: { ORIGIN: server.url },
  });
  t.after(() => worker.dispose());
  for (const prices of [[100], [99, 100], [98, 99]]) {
    const answer = await worker.dispatchFetch('http://worker/query');
    assert.deepEqual(JSON.parse(await answer.text()), { here: prices, there: prices });
  }
});

/** Starts an example and resolves to its address. */
async function start(t, name, ...args) {
  const child = spawn(process.execPath, ['start.mjs', '--origin', server.url, '--port', '0', ...args], {
    cwd: join(app, 'examples', name),
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.after(async () => {
    child.kill('SIGKILL');
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  });
  for await (const line of createInterface({ input: child.stdout })) {
    if (line.startsWith('http')) return line.trim().replace(/\/$/, '');
  }
  throw new Error(`${name} ended before it was ready`);
}

async function client(t, serverUrl, options = {}) {
  const opened = new TopGunClient({ serverUrl, storage: memoryStorage(), ...options });
  t.after(() => opened.close());
  await opened.start();
  return opened;
}

/** Asks until the answer is as wanted: reads may be two seconds old. */
async function untilAnswer(url, holds) {
  const deadline = Date.now() + 10_000;
  for (;;) {
    const answer = await (await fetch(url)).json();
    if (holds(answer)) return;
    assert.ok(Date.now() < deadline, JSON.stringify(answer));
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** What every example does: notes over HTTP, shared with clients of the origin. */
async function checkNotes(t, address, notes, ofKey) {
  const key = crypto.randomUUID();
  const put = await fetch(ofKey(key), { method: 'PUT', body: 'from a request' });
  assert.equal(put.status, 204, await put.text());
  assert.deepEqual(await (await fetch(ofKey(key))).json(), { text: 'from a request' });
  const direct = await client(t, server.url);
  const map = direct.getMap('notes');
  await untilMap(map, () => map.get(key)?.text === 'from a request');
  map.set(`${key}-2`, { text: 'from a client' });
  await untilAnswer(notes, (all) => all[`${key}-2`]?.text === 'from a client');
}

/** A client that syncs through the relay, and one that does not, see each other. */
async function checkRelay(t, serverUrl) {
  const through = await client(t, serverUrl, { transport: 'http' });
  const direct = await client(t, server.url);
  const name = `relayed-${crypto.randomUUID()}`;
  const maps = [through.getMap(name), direct.getMap(name)];
  maps[0].set('up', 1);
  await untilMap(maps[1], () => maps[1].get('up') === 1);
  maps[1].set('down', 2);
  await untilMap(maps[0], () => maps[0].get('down') === 2);
  assert.equal(through.transport, 'http');
}

function untilMap(map, holds) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error('waited in vain')), 20_000);
    const stop = map.subscribe(check);
    function check() {
      if (!holds()) return;
      clearTimeout(timer);
      stop?.();
      resolve();
    }
    check();
  });
}

for (const storage of ['kv', 'r2']) {
  test(`example: cloudflare-worker with ${storage}`, async (t) => {
    const address = await start(t, 'cloudflare-worker', '--storage', storage);
    await checkNotes(t, address, `${address}/notes`, (key) => `${address}/notes/${key}`);
    await checkNotes(t, address, `${address}/object/notes`, (key) => `${address}/object/notes/${key}`);
    await checkRelay(t, address);
    assert.equal((await fetch(`${address}/notes/none`)).status, 404);
  });
}

test('example: vercel-edge', async (t) => {
  const address = await start(t, 'vercel-edge');
  await checkNotes(t, address, `${address}/api/notes`, (key) => `${address}/api/notes?key=${key}`);
  await checkRelay(t, `${address}/api/sync`);
});

test('example: lambda', async (t) => {
  const address = await start(t, 'lambda');
  await checkNotes(t, address, `${address}/notes`, (key) => `${address}/notes/${key}`);
  await checkRelay(t, address);
});
