// Goal: a real data set goes through the public API unharmed. Method: one client imports the Unicode
// Character Database, a second one that starts empty syncs it; digests and Merkle roots are compared.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { TopGunClient, memoryStorage } from 'topgun';

import { digestOf } from '../support/digest.mjs';
import { temporaryFolder } from '../support/paths.mjs';
import { ServerProcess } from '../support/server.mjs';
import { readUnicodeData } from '../support/unicode_data.mjs';

async function openClient(t, serverUrl) {
  const client = new TopGunClient({ serverUrl, storage: memoryStorage() });
  t.after(() => client.close());
  await client.start();
  return client;
}

function synced(client, map) {
  return new Promise((resolve) => {
    const stop = client.on('synced', (event) => {
      if (event.map !== map.name) return;
      stop();
      resolve();
    });
  });
}

test('real data: the Unicode Character Database reaches a second client byte for byte', async (t) => {
  const rows = await readUnicodeData();
  assert.ok(rows.length >= 20_000, `${rows.length} rows`);
  const dataDir = await temporaryFolder(t);
  let server = await ServerProcess.start({ dataDir });
  t.after(() => server.kill());

  const started = performance.now();
  const source = await openClient(t, server.url);
  const imported = source.getMap('unicode');
  for (const [codePoint, record] of rows) imported.set(codePoint, record);
  await source.flush({ level: 'local' });
  const importedMs = performance.now() - started;
  const root = source.root(imported);
  assert.equal(root.count, rows.length);
  await source.close();

  // The second client gets what survived a crash, not what happens to be in the server's memory.
  await server.kill();
  server = await ServerProcess.start({ dataDir });
  const target = await openClient(t, server.url);
  const received = target.getMap('unicode');
  const syncStarted = performance.now();
  await synced(target, received);
  const syncedMs = performance.now() - syncStarted;

  assert.deepEqual(target.root(received), root);
  assert.equal(digestOf(received.entries()), digestOf(rows));
  assert.deepEqual(received.get('1F980').name, 'CRAB');
  t.diagnostic(`${rows.length} records: import ${importedMs | 0} ms, sync ${syncedMs | 0} ms, root ${root.root}`);
});
