// workerd, as miniflare runs it: bundling as wrangler does, and starting.

import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';

import { build } from 'esbuild';

/** The conditions of workerd; WASM modules stay imports. Resolves to the script. */
export async function bundleWorker(entry) {
  const bundle = await build({
    entryPoints: [entry],
    bundle: true,
    format: 'esm',
    conditions: ['workerd', 'worker', 'browser'],
    external: ['*.wasm', 'cloudflare:workers'],
    write: false,
    // The package's chunks have no side effects, so dropping an import of one loses nothing.
    logOverride: { 'ignored-bare-import': 'silent' },
  });
  return bundle.outputFiles[0].text;
}

/** The builds of the core: an entry point of the package imports one of them. */
const CORES = ['topgun.wasm', 'topgun-queries.wasm'];

async function compiledWasm(app, path) {
  return { type: 'CompiledWasm', path, contents: await readFile(join(app, 'node_modules/topgun/dist', path)) };
}

/** A running worker. `app` has miniflare and the package installed; `options` are those of miniflare. */
export async function startWorker(app, script, options = {}) {
  const { Miniflare } = createRequire(join(app, 'package.json'))('miniflare');
  return new Miniflare({
    compatibilityDate: '2026-01-01',
    modules: [
      { type: 'ESModule', path: 'worker.mjs', contents: script },
      ...(await Promise.all(CORES.map((core) => compiledWasm(app, core)))),
    ],
    ...options,
  });
}
