// What a newcomer does first: clone, `npm start`, open the page. Goes through the commit that is
// checked out; only the compiler's cache is shared with the working copy.

import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

import { root } from '../../scripts/lib/repository.mjs';

/** Runs `npm start` in `folder` until it prints a URL; its output is in `state.output`. */
async function start(folder, state) {
  const env = { ...process.env, PORT: '0', npm_config_prefer_offline: 'true' };
  // The clone decides about its own cache and is no part of this test run.
  for (const name of ['CCACHE_BASEDIR', 'NODE_TEST_CONTEXT']) delete env[name];
  const npm = spawn('npm', ['start'], { cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
  state.npm = npm;
  const url = new Promise((resolve, reject) => {
    for (const stream of [npm.stdout, npm.stderr]) {
      stream.setEncoding('utf8').on('data', (chunk) => {
        state.output += chunk;
        const match = /https?:\/\/\S+/.exec(state.output);
        if (match) resolve(match[0]);
      });
    }
    npm.on('error', reject);
    npm.on('exit', (code) => reject(new Error(`npm start ended with ${code}\n${state.output}`)));
  });
  return url;
}

test('start: a clean clone builds, serves the demo at one URL and stops when asked', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'topgun-clone-'));
  const state = { output: '', npm: undefined };
  t.after(() => {
    if (state.npm?.exitCode === null) process.kill(-state.npm.pid, 'SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  });
  execFileSync('git', ['clone', '--quiet', root, folder]);
  const url = await start(folder, state);

  const health = await fetch(new URL('/healthz', url));
  assert.equal(health.status, 200);
  const page = await fetch(url);
  assert.equal(page.status, 200);
  assert.match(page.headers.get('content-type'), /text\/html/);
  const script = /<script[^>]+src="([^"]+)"/.exec(await page.text())?.[1];
  assert.ok(script, 'the page names its script');
  assert.equal((await fetch(new URL(script, url))).status, 200);
  assert.equal((await fetch(new URL('board/', url))).status, 200);
  assert.equal(state.output.match(/https?:\/\//g).length, 1, 'one URL is printed');

  process.kill(-state.npm.pid, 'SIGTERM');
  await once(state.npm, 'exit');
  await assert.rejects(fetch(new URL('/healthz', url)), 'nobody listens any more');
});
