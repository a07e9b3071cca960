// usage: node start.mjs [--origin URL] [--port N] [--storage kv|r2|none]
// Runs the worker in workerd, as `wrangler dev` would, and prints its address.

import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

import { build } from 'esbuild';
import { Miniflare } from 'miniflare';

const { values } = parseArgs({
  options: {
    origin: { type: 'string', default: 'http://localhost:8080' },
    port: { type: 'string', default: '8787' },
    storage: { type: 'string', default: 'kv' },
  },
});

const bundle = await build({
  entryPoints: [fileURLToPath(new URL('worker.mjs', import.meta.url))],
  bundle: true,
  format: 'esm',
  conditions: ['workerd', 'worker', 'browser'],
  external: ['*.wasm'], // workerd compiles it before it runs the worker.
  write: false,
  logLevel: 'error',
});

const worker = new Miniflare({
  port: Number(values.port),
  compatibilityDate: '2026-01-01',
  modules: [
    { type: 'ESModule', path: 'worker.mjs', contents: bundle.outputFiles[0].text },
    {
      type: 'CompiledWasm',
      path: 'topgun.wasm',
      contents: await readFile(fileURLToPath(import.meta.resolve('topgun/topgun.wasm'))),
    },
  ],
  bindings: { ORIGIN: values.origin },
  durableObjects: { NOTES: { className: 'NotesObject', useSQLite: true } },
  ...(values.storage === 'kv' ? { kvNamespaces: ['SNAPSHOTS_KV'] } : {}),
  ...(values.storage === 'r2' ? { r2Buckets: ['SNAPSHOTS_R2'] } : {}),
});

console.log(String(await worker.ready));
