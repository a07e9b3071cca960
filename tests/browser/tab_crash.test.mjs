// Goal: what `flush` called stored on the device survives the crash of its tab. Method: the renderer
// is crashed while it holds unsent edits; a new tab of the profile opens the same store.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { launchBrowser, openPage, openTab } from '../support/browser.mjs';
import { ServerProcess } from '../support/server.mjs';
import { serveProofPage } from './proof/site.mjs';

test('tab crash: edits that were stored but never sent are there in the next tab, and reach the server', async (t) => {
  const server = await ServerProcess.start();
  t.after(() => server.kill());
  const siteUrl = await serveProofPage(t);
  const setUp = { serverUrl: server.url, replica: 'a', online: false };

  const crashing = await openPage(await launchBrowser(t), siteUrl);
  await crashing.evaluate((options) => open(options), setUp);
  const before = await crashing.evaluate(async () => {
    editor.edit(500);
    await editor.stored();
    return { entries: [...editor.map.entries()].length, root: editor.root(), pending: editor.client.pendingOps };
  });
  const crashed = crashing.waitForEvent('crash');
  await crashing.goto('chrome://crash').catch(() => {});
  await crashed;

  const next = await openTab(crashing.context(), siteUrl);
  await next.evaluate((options) => open(options), { ...setUp, issued: 500 });
  const after = await next.evaluate(() => {
    return { entries: [...editor.map.entries()].length, root: editor.root(), pending: editor.client.pendingOps };
  });
  assert.deepEqual(after, before);
  assert.equal(after.entries, 490); // Ten of the 500 were deleted.
  await next.evaluate(() => {
    editor.setOnline(true);
    return editor.client.flush({ level: 'memory' });
  });
  assert.equal(await next.evaluate(() => editor.client.pendingOps), 0);
});
