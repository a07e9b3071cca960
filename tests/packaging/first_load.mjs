// What a browser downloads before the first operation: the WASM module and the client's JavaScript,
// minified in one bundle, as an application would ship them; and what the hooks for React add.
//
// usage: node tests/packaging/first_load.mjs     prints one JSON line a figure

import { readFile } from 'node:fs/promises';
import { relative } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';

import { build } from 'esbuild';

import { fromRoot } from '../support/paths.mjs';

const KIB = 1024;

const CLIENT = `import { TopGunClient } from 'topgun/base';
  globalThis.client = new TopGunClient();`;
const HOOKS = `import * as hooks from 'topgun/react';
  globalThis.hooks = hooks;`;

/** The figures of the built package with their bars. */
export async function measureFirstLoad() {
  const script = await bundled(CLIENT);
  const withHooks = await bundled(CLIENT + HOOKS);
  const wasm = await readFile(fileURLToPath(import.meta.resolve('topgun/topgun.wasm')));
  return [
    { metric: 'wasm+js brotli', value: brotli(wasm) + brotli(script), unit: 'B', bar: 110 * KIB },
    { metric: 'wasm brotli', value: brotli(wasm), unit: 'B' },
    { metric: 'js brotli', value: brotli(script), unit: 'B' },
    { metric: 'js gzip', value: gzip(script), unit: 'B', bar: 20_000 },
    { metric: 'js gzip of the hooks', value: gzip(withHooks) - gzip(script), unit: 'B', bar: 3_000 },
  ].map((figure) => ({
    suite: 'size',
    case: 'first load, browser, base client',
    ...figure,
    ...(figure.bar === undefined ? {} : { met: figure.value <= figure.bar }),
  }));
}

/**
 * The JavaScript of an application that does nothing but hold the client, and perhaps the hooks. What the client imports when
 * it comes to need it, such as for a second tab, is a chunk of its own and no part of the first load.
 */
async function bundled(contents) {
  const result = await build({
    stdin: {
      contents,
      resolveDir: fromRoot('tests/packaging'),
    },
    bundle: true,
    splitting: true,
    metafile: true,
    outdir: 'first-load',
    minify: true,
    format: 'esm',
    target: 'es2022',
    conditions: ['browser'],
    external: ['react'],
    write: false,
    // The package's chunks have no side effects, so dropping an import of one loses nothing.
    logOverride: { 'ignored-bare-import': 'silent' },
  });
  const { outputs } = result.metafile;
  const loaded = new Set();
  const load = (path) => {
    if (loaded.has(path)) return;
    loaded.add(path);
    for (const { kind, external, path: next } of outputs[path].imports) {
      if (kind === 'import-statement' && !external) load(next);
    }
  };
  load(Object.keys(outputs).find((path) => outputs[path].entryPoint !== undefined));
  const scripts = result.outputFiles.filter((file) => loaded.has(relative(process.cwd(), file.path)));
  return Buffer.concat(scripts.map((file) => file.contents));
}

function gzip(bytes) {
  return gzipSync(bytes, { level: 9 }).length;
}

function brotli(bytes) {
  return brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } }).length;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  for (const figure of await measureFirstLoad()) console.log(JSON.stringify(figure));
}
