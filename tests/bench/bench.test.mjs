// Every suite runs with tiny inputs in every test run, so that none can rot. Figures are not judged
// here: `npm run bench -- all` does that.

import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const runner = fileURLToPath(new URL('run.mjs', import.meta.url));

test('bench: every suite runs with tiny inputs and prints well-formed results', () => {
  const output = execFileSync(process.execPath, [runner, 'all', '--smoke'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  const results = output.trimEnd().split('\n').map((line) => JSON.parse(line));
  for (const result of results) {
    for (const field of ['suite', 'case', 'metric', 'unit']) assert.equal(typeof result[field], 'string');
    assert.ok(Number.isFinite(result.value), JSON.stringify(result));
    assert.equal(result.met, undefined, 'tiny inputs are not judged');
  }
  const suites = new Set(results.map(({ suite }) => suite));
  for (const suite of ['server', 'http', 'merge', 'reconcile', 'wasm', 'js', 'query', 'live', 'size', 'simulator', 'board']) assert.ok(suites.has(suite), `no result of ${suite}`);
});

test('bench: an unknown suite is refused with the list of suites', () => {
  const { status, stderr } = spawnSync(process.execPath, [runner, 'nothing'], { encoding: 'utf8' });
  assert.equal(status, 2);
  assert.match(stderr, /suites: server, http, merge/);
});
