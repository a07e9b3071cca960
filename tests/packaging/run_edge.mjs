// usage: run_edge.mjs <fixture> <server URL>
// Runs the edge function of the fixture in the edge runtime, where code generation from strings is
// forbidden and WASM comes precompiled, and prints what it answers.

import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';

import { build } from 'esbuild';

const [app, serverUrl] = process.argv.slice(2);
const { EdgeVM } = createRequire(join(app, 'package.json'))('@edge-runtime/vm');

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

const bundle = await build({
  entryPoints: [join(app, 'apps/edge.mjs')],
  bundle: true,
  format: 'iife',
  conditions: ['edge-light'],
  plugins: [precompiledWasm],
  write: false,
});
const wasm = await readFile(join(app, 'node_modules/topgun/dist/topgun-queries.wasm'));

const runtime = new EdgeVM({
  extend: (context) => Object.assign(context, { compiledWasm: new WebAssembly.Module(wasm) }),
});
runtime.evaluate(bundle.outputFiles[0].text);
const response = await runtime.dispatchFetch(`http://edge/?server=${encodeURIComponent(serverUrl)}`);
console.log(await response.text());
process.exit(0);
