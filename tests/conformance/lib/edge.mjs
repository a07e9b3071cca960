// The edge runtime of Vercel, where code generation from strings is forbidden and WASM comes precompiled.

import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';

import { build } from 'esbuild';

/** As frameworks bundle for the edge: `x.wasm?module` is a module that the host has compiled. */
const precompiledWasm = {
  name: 'precompiled-wasm',
  setup(build) {
    build.onResolve({ filter: /\.wasm(\?module)?$/ }, ({ path }) => ({ path, namespace: 'wasm' }));
    build.onLoad({ filter: /.*/, namespace: 'wasm' }, () => ({
      contents: 'export default globalThis.compiledWasm;',
    }));
  },
};

/** A runtime in which the bundled `entry` has been evaluated; `env` becomes `process.env`. */
export async function startEdge(app, entry, env = {}) {
  const { EdgeVM } = createRequire(join(app, 'package.json'))('@edge-runtime/vm');
  const bundle = await build({
    entryPoints: [entry],
    bundle: true,
    format: 'iife',
    conditions: ['edge-light'],
    plugins: [precompiledWasm],
    write: false,
    logOverride: { 'ignored-bare-import': 'silent' },
  });
  const wasm = await readFile(join(app, 'node_modules/topgun/dist/topgun-queries.wasm'));
  const runtime = new EdgeVM({
    extend: (context) =>
      Object.assign(context, { compiledWasm: new WebAssembly.Module(wasm), process: { env } }),
  });
  runtime.evaluate(bundle.outputFiles[0].text);
  return runtime;
}
