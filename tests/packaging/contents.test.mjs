// Goal: what is in the packed tarball can be shipped anywhere. Method: read the files that npm packs.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { transform } from 'esbuild';

import { fromRoot } from '../support/paths.mjs';
import { measureFirstLoad } from './first_load.mjs';
import { packedFiles } from './install.mjs';

const INSTALL_SCRIPTS = ['preinstall', 'install', 'postinstall', 'prepare', 'prepublish'];

let scripts;
let manifest;
let files;

before(async () => {
  files = await packedFiles();
  manifest = JSON.parse(await readFile(fromRoot('js-bindings/package.json'), 'utf8'));
  scripts = await Promise.all(
    files
      .filter((path) => /\.[cm]?js$/.test(path))
      .map(async (path) => ({ path, code: await readFile(join(fromRoot('js-bindings'), path), 'utf8') })),
  );
});

test('package: the tarball holds the WASM module, scripts and types', () => {
  for (const suffix of ['.wasm', '.js', '.cjs', '.d.ts', 'README.md', 'LICENSE']) {
    assert.ok(files.some((path) => path.endsWith(suffix)), `no file ends in ${suffix}`);
  }
});

test('package: it has no install script and no runtime dependency', () => {
  const found = INSTALL_SCRIPTS.filter((name) => manifest.scripts?.[name]);
  assert.deepEqual(found, []);
  assert.deepEqual(manifest.dependencies ?? {}, {});
});

test('package: no shipped script makes code from text', async () => {
  for (const { path, code } of scripts) {
    // Comments may speak of eval; minified code has none.
    const { code: bare } = await transform(code, { minifyWhitespace: true, legalComments: 'none' });
    assert.doesNotMatch(bare, /\beval\s*\(/, `${path} calls eval`);
    assert.doesNotMatch(bare, /\bnew\s+Function\b|[^.\w]Function\s*\(/, `${path} calls Function`);
  }
});

test('package: no shipped script waits at top level', async () => {
  for (const { path, code } of scripts) {
    // esbuild refuses to turn a module with top-level await into a script.
    await assert.doesNotReject(transform(code, { format: 'cjs', logLevel: 'silent' }), path);
  }
});

test('package: the hooks are a client module, what servers need of them is not, and both can be required', async () => {
  const require = createRequire(import.meta.url);
  for (const [entry, isClient] of [['topgun/react', true], ['topgun/react/server', false]]) {
    assert.deepEqual(Object.keys(require(entry)).sort(), Object.keys(await import(entry)).sort());
    for (const path of [require.resolve(entry), fileURLToPath(import.meta.resolve(entry))]) {
      const directives = /^(?:(?:'[^']*'|"[^"]*");?\s*)*/.exec(await readFile(path, 'utf8'))[0];
      assert.equal(/['"]use client['"]/.test(directives), isClient, path);
    }
  }
});

test('package: the first load of a browser stays within its budget', async (t) => {
  const figures = await measureFirstLoad();
  for (const figure of figures) t.diagnostic(JSON.stringify(figure));
  for (const { metric, value, bar, met } of figures) {
    if (bar !== undefined) assert.ok(met, `${metric}: ${value} B, the budget is ${bar} B`);
  }
});
