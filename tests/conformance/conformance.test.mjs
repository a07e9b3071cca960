// Goal: the client behaves alike in every runtime that it names, with either core, over every transport.
// Method: the packed package is installed, and one suite runs in each of them against one server. A case
// that did not run counts as failed.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { cp, copyFile, mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';

import { build } from 'esbuild';

import { installFixture, packPackage } from '../packaging/install.mjs';
import { launchBrowser, openPage } from '../support/browser.mjs';
import { fromRoot } from '../support/paths.mjs';
import { ServerProcess } from '../support/server.mjs';
import { serveFolder } from '../support/static_site.mjs';
import { caseCount } from './suite.mjs';

const run = promisify(execFile);

const http = (mode) => ({ transport: 'http', http: { mode, pollMs: { min: 50, max: 500 } } });
const transports = {
  websocket: { transport: 'websocket' },
  stream: http('stream'),
  'long poll': http('long-poll'),
  polling: http('poll'),
};
const { websocket: _, ...requests } = transports;

let app;
let server;

before(async () => {
  app = await installFixture(await packPackage());
  await rm(join(app, 'conformance'), { recursive: true, force: true });
  await cp(fromRoot('tests/conformance'), join(app, 'conformance'), { recursive: true });
  server = await ServerProcess.start();
});

after(() => server?.kill());

/** Runs a script that prints the results. */
async function script(path, args, env = {}) {
  const { stdout } = await run(process.execPath, [path, ...args], {
    cwd: app,
    env: { ...process.env, ...env },
    maxBuffer: 1 << 24,
  });
  return JSON.parse(stdout);
}

const scriptIn = (name) => join(app, 'conformance/runtimes', name);
const own = (name) => fromRoot(`tests/conformance/runtimes/${name}`);

/** Every runtime: the transports it has, and how to run the suite there. */
const runtimes = {
  'Node, WASM': [transports, (options) => script(scriptIn('node.mjs'), [server.url, options], { TOPGUN_CORE: 'wasm' })],
  'Node, addon': [transports, (options) => script(scriptIn('node.mjs'), [server.url, options], { TOPGUN_CORE: 'native' })],
  workerd: [transports, (options) => script(own('run_workerd.mjs'), [app, server.url, options])],
  // The runtime has no WebSocket.
  'edge runtime': [requests, (options) => script(own('run_edge.mjs'), [app, server.url, options])],
  Lambda: [transports, (options) => script(scriptIn('run_lambda.mjs'), [server.url, options])],
};

for (const [runtime, [kinds, runSuite]] of Object.entries(runtimes)) {
  for (const [transport, options] of Object.entries(kinds)) {
    test(`conformance: ${runtime}, ${transport}`, async () => check(await runSuite(JSON.stringify(options))));
  }
}

test('conformance: Chromium', async (t) => {
  const folder = join(app, 'out/conformance');
  await mkdir(folder, { recursive: true });
  await build({
    entryPoints: [scriptIn('page.mjs')],
    bundle: true,
    format: 'esm',
    outfile: join(folder, 'main.js'),
    conditions: ['browser'],
    logOverride: { 'ignored-bare-import': 'silent' },
  });
  await copyFile(join(app, 'node_modules/topgun/dist/topgun-queries.wasm'), join(folder, 'topgun-queries.wasm'));
  await writeFile(join(folder, 'index.html'), '<!doctype html><script type="module" src="main.js"></script>');
  const browser = await launchBrowser(t);
  const page = await openPage(browser, await serveFolder(t, folder));
  for (const [transport, options] of Object.entries(transports)) {
    await t.test(transport, async () => {
      check(await page.evaluate(([url, own]) => globalThis.conformance(url, own), [server.url, options]));
      assert.deepEqual(page.failures, []);
    });
  }
});

function check(results) {
  assert.deepEqual(results.filter(({ error }) => error !== undefined), []);
  assert.equal(results.length, caseCount());
}
