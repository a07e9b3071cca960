// Goal: exports and types of the package resolve wherever it is imported. Method: the two linters
// that the ecosystem goes by, on what npm packs.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { promisify } from 'node:util';

import { fromRoot } from '../support/paths.mjs';
import { packPackage } from './install.mjs';

const run = promisify(execFile);
const tool = (name) => fromRoot(`node_modules/.bin/${name}`);

test('package: publint finds nothing', async () => {
  const { stdout } = await run(tool('publint'), [fromRoot('js-bindings'), '--strict']);
  assert.match(stdout, /All good!/);
});

test('package: are-the-types-wrong finds nothing', async () => {
  const tarball = await packPackage();
  // The stores of browsers are ES modules only, which is not an oversight; Node 10 and its likes know
  // no exports at all.
  const options = ['--profile', 'node16', '--ignore-rules', 'cjs-resolves-to-esm'];
  await run(tool('attw'), [tarball, ...options, '--exclude-entrypoints', './topgun.wasm', './topgun-queries.wasm']);
});
