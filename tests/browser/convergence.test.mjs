// Goal: replicas that edit the same map with offline spans, reloads and a server that is killed twice
// end with the same records and the same Merkle root, and no edit that was acknowledged at `local` is
// ever missing.
// Method: two browser profiles and one Node client make 1,000 edits each; every fourth record is
// edited by all three. After the second kill a fresh client reads what the server kept while all
// editors are offline, so that nothing they hold can repair a loss. The same over requests alone, and behind a
// proxy that takes now this transport away and now that.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { launchBrowser } from '../support/browser.mjs';
import { Draws } from '../support/draws.mjs';
import { temporaryFolder } from '../support/paths.mjs';
import { Proxy } from '../support/proxy.mjs';
import { ServerProcess } from '../support/server.mjs';
import { EDITS, isDeleted, recordKey } from './proof/editor.mjs';
import { BrowserReplica, NodeReplica } from './proof/replicas.mjs';
import { serveProofPage } from './proof/site.mjs';

const SEED = Number(process.env.TOPGUN_SEED ?? 20261122);

const ways = {
  'by WebSocket': { options: { transport: 'websocket' } },
  'over requests alone': { options: { transport: 'http' } },
  'with transports switched at random': { options: {}, isSwitched: true },
};

for (const [name, way] of Object.entries(ways)) {
  test(`convergence: two browsers and Node agree after offline spans, reloads and kill -9, and no acknowledged edit is missing, ${name}`, { timeout: 180_000 }, (t) => converge(t, way));
}

/** Takes one transport away, then the other, until `stop`; then both get through. */
function switchAtRandom(t, proxy) {
  t.diagnostic(`seed ${SEED}`);
  const draws = new Draws(SEED, 'switching');
  let timer;
  const turn = (likesSockets) => {
    proxy.webSockets = likesSockets ? 'pass' : 'refuse';
    proxy.requests = likesSockets ? 'refuse' : 'pass';
    if (likesSockets) proxy.killRequests();
    else proxy.killWebSockets();
    timer = setTimeout(() => turn(!likesSockets), 300 + draws.below(1_500));
  };
  turn(false);
  return () => {
    clearTimeout(timer);
    proxy.webSockets = 'pass';
    proxy.requests = 'pass';
  };
}

async function converge(t, { options, isSwitched = false }) {
  const dataDir = await temporaryFolder(t);
  let server = await ServerProcess.start({ dataDir });
  t.after(() => server.kill());
  const restart = async () => {
    server = await ServerProcess.start({ dataDir, port: server.port });
  };
  const proxy = isSwitched ? await Proxy.start(server.port) : undefined;
  t.after(() => proxy?.close());
  const url = proxy?.url ?? server.url;
  const browser = await launchBrowser(t);
  const siteUrl = await serveProofPage(t);
  const a = await BrowserReplica.open(browser, siteUrl, url, 'a', options);
  const b = await BrowserReplica.open(browser, siteUrl, url, 'b', options);
  const node = await NodeReplica.open(url, 'node', options);
  const stopSwitching = proxy && switchAtRandom(t, proxy);
  t.after(() => stopSwitching?.());
  t.after(() => node.client.close());
  const editors = [a, b, node];
  const all = (verb) => Promise.all(editors.map(verb));

  await t.test('everyone online', async () => {
    await all((editor) => editor.edit(200));
    await all((editor) => editor.flush());
  });

  await t.test('one browser offline, reloaded there; the others go on', async () => {
    await a.setOnline(false);
    await all((editor) => editor.edit(200));
    await Promise.all([b.flush(), node.flush()]);
    await a.reload({ online: false });
    await a.edit(100);
  });

  await t.test('the server is killed in the middle of their edits', async () => {
    await Promise.all([b.edit(100), node.edit(100)]);
    await server.kill();
    await Promise.all([b.edit(100), node.edit(100)]);
    await b.reload({ online: true });
    await restart();
    await a.setOnline(true);
    await a.edit(100);
    await all((editor) => editor.flush());
  });

  await t.test('the server is killed again and lost nothing that it acknowledged', async () => {
    await all((editor) => editor.edit(100));
    await Promise.all([a.flush(), node.flush()]);
    await all((editor) => editor.edit(100));
    await server.kill();
    await all((editor) => editor.setOnline(false));
    await restart();

    const kept = new Map(await readFromServer(server.url));
    for (const editor of editors) {
      const acknowledged = await acknowledgedBy(editor);
      assert.ok(acknowledged >= 600, `${acknowledged} edits were acknowledged`);
      assert.deepEqual(missingEdits(kept, nameOf(editor), acknowledged), []);
    }
  });

  await t.test('all converge', async () => {
    await all((editor) => editor.setOnline(true));
    await all((editor) => editor.edit(EDITS));
    await all((editor) => editor.flush());

    const witness = await NodeReplica.open(server.url, 'witness');
    t.after(() => witness.client.close());
    await witness.synced();
    // Clients find what works so fast that they may be done before much was switched.
    await proxy?.reached(({ requests, webSockets }) => requests > 0 && webSockets > editors.length);
    stopSwitching?.();
    const root = witness.root();
    const expected = sorted(witness.entries());
    for (const editor of editors) {
      await editor.resync();
      assert.equal(await editor.root(), root);
      assert.deepEqual(sorted(await editor.entries()), expected);
      assert.deepEqual(missingEdits(new Map(expected), nameOf(editor), EDITS), []);
    }
    t.diagnostic(`root ${root}, ${expected.length} entries`);
    assert.deepEqual([...a.page.failures, ...b.page.failures], []);
    if (options.transport !== undefined) assert.equal(node.client.transport, options.transport);
  });
}

async function readFromServer(url) {
  const reader = await NodeReplica.open(url, 'reader');
  await reader.synced();
  const entries = reader.entries();
  await reader.client.close();
  return entries;
}

function nameOf(editor) {
  return editor.name ?? editor.replica;
}

function acknowledgedBy(editor) {
  return typeof editor.acknowledged === 'function' ? editor.acknowledged() : editor.acknowledged;
}

/** The edits among the first `count` of `replica` whose effect the entries do not show. */
function missingEdits(entries, replica, count) {
  const missing = [];
  for (let edit = 1; edit <= count; edit++) {
    const record = entries.get(recordKey(replica, edit));
    const shared = edit % 4 === 0;
    const shown = isDeleted(edit)
      ? record === undefined
      : record?.edit === edit && (shared || record.by === replica);
    if (!shown) missing.push(edit);
  }
  return missing;
}

function sorted(entries) {
  return [...entries].sort(([a], [b]) => (a < b ? -1 : 1));
}
