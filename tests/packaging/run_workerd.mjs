// usage: run_workerd.mjs <fixture> <server URL>
// Runs the worker of the fixture in workerd and prints what it answers.

import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';

import { build } from 'esbuild';

const [app, serverUrl] = process.argv.slice(2);
const { Miniflare } = createRequire(join(app, 'package.json'))('miniflare');

// As wrangler bundles: the conditions of workerd, WASM modules left as imports.
const bundle = await build({
  entryPoints: [join(app, 'apps/worker.mjs')],
  bundle: true,
  format: 'esm',
  conditions: ['workerd', 'worker', 'browser'],
  external: ['*.wasm'],
  write: false,
});

const worker = new Miniflare({
  compatibilityDate: '2026-01-01',
  modules: [
    { type: 'ESModule', path: 'worker.mjs', contents: bundle.outputFiles[0].text },
    {
      type: 'CompiledWasm',
      path: 'topgun-queries.wasm',
      contents: await readFile(join(app, 'node_modules/topgun/dist/topgun-queries.wasm')),
    },
  ],
});
try {
  const response = await worker.dispatchFetch(`http://worker/?server=${encodeURIComponent(serverUrl)}`);
  console.log(await response.text());
} finally {
  await worker.dispose();
}
