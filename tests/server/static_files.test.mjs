// Files that the server hands out below a prefix.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

import { ServerProcess } from '../support/server.mjs';

test('static files: a prefix without its slash leads to the page below it', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'topgun-static-'));
  t.after(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, 'index.html'), '<p>here</p>');
  const server = await ServerProcess.start({ args: ['--static', `/page=${folder}`] });
  t.after(() => server.kill());

  const answer = await fetch(`${server.url}page`, { redirect: 'manual' });
  assert.equal(answer.status, 301);
  assert.equal(answer.headers.get('location'), '/page/');
  assert.equal(await (await fetch(`${server.url}page`)).text(), '<p>here</p>');
  assert.equal((await fetch(`${server.url}pag`)).status, 404);
});
