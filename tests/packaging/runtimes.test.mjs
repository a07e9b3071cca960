// Goal: the package works as npm delivers it, under every bundler and runtime that it names.
// Method: the packed tarball is installed into a fixture; each app of the fixture opens a client with
// a store in memory, writes and reads, and syncs with a real server.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { before, test } from 'node:test';
import { promisify } from 'node:util';

import { launchBrowser, openPage } from '../support/browser.mjs';
import { fromRoot } from '../support/paths.mjs';
import { ServerProcess } from '../support/server.mjs';
import { serveFolder } from '../support/static_site.mjs';
import { buildWith } from './bundlers.mjs';
import { installFixture, packPackage } from './install.mjs';

const run = promisify(execFile);
const SYNCED = { local: 'hello', synced: 'hello from afar', requested: 'hello from afar' };

let app;

before(async () => {
  app = await installFixture(await packPackage());
});

async function startServer(t) {
  // Pages and workers have origins of their own.
  const server = await ServerProcess.start();
  t.after(() => server.kill());
  return server;
}

for (const bundler of ['vite', 'webpack', 'esbuild']) {
  test(`${bundler}: the bundle works in Chromium`, async (t) => {
    const server = await startServer(t);
    const siteUrl = await serveFolder(t, await buildWith(bundler, app));
    const page = await openPage(await launchBrowser(t), `${siteUrl}?server=${server.url}`);
    assert.deepEqual(page.failures, []);
    assert.deepEqual(await page.evaluate(() => globalThis.result), SYNCED);
  });
}

for (const [name, script] of [['ESM', 'apps/node_esm.mjs'], ['CommonJS', 'apps/node_cjs.cjs']]) {
  for (const core of ['wasm', 'native']) {
    test(`Node, ${name}: the package works with the ${core} core`, async (t) => {
      const server = await startServer(t);
      const { stdout } = await run(process.execPath, [script, server.url], {
        cwd: app,
        env: { ...process.env, TOPGUN_CORE: core },
      });
      assert.deepEqual(JSON.parse(stdout), SYNCED);
    });
  }
}

test('workerd: the package works in a worker', async (t) => {
  const server = await startServer(t);
  const { stdout } = await run(process.execPath, [fromRoot('tests/packaging/run_workerd.mjs'), app, server.url]);
  assert.deepEqual(JSON.parse(stdout), SYNCED);
});

test('edge runtime: the package works where code generation is forbidden', async (t) => {
  const server = await startServer(t);
  const { stdout } = await run(process.execPath, [fromRoot('tests/packaging/run_edge.mjs'), app, server.url]);
  assert.deepEqual(JSON.parse(stdout), { ...SYNCED, synced: 'no sockets' });
});
