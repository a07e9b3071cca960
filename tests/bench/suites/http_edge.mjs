// What a cold start costs at the edge: an isolate of workerd that answers its first request, empty or with a
// replica that makes its first sync; and what is uploaded for it.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync, constants } from 'node:zlib';
import { build } from 'esbuild';
import { interleave } from '../lib/measure.mjs';
import { built } from '../lib/paths.mjs';
import { progress } from '../lib/results.mjs';

const kScripts = {
  empty: `export default { fetch: async () => new Response('0') };`,
  // Instantiates the core, then has its first request to /sync answered.
  replica: `import { createEdgeReplica } from 'topgun/edge';
    let replica;
    export default {
      async fetch(request, env) {
        replica ??= createEdgeReplica({ serverUrl: env.ORIGIN });
        const map = replica.getMap('cold');
        await replica.fresh();
        return new Response(String(map.size));
      },
    };`,
};

const kDate = '2026-01-01';

/**
 * Gives each request an isolate of its own. A custom section makes each module another one: V8 would share code
 * with the isolates before, and report every function of it to the new one.
 */
const kLoader = `import core from './topgun.bin';
  let isolates = 0;
  async function coreOf(isolate) {
    const section = [0, 6, 1, 'n'.charCodeAt(0), ...new Uint8Array(Uint32Array.of(isolate).buffer)];
    return new Blob([core, Uint8Array.from(section)]).arrayBuffer();
  }
  export default {
    async fetch(request, { LOADER, SCRIPTS, ORIGIN, DATE }) {
      const name = new URL(request.url).pathname.slice(1);
      const modules = { 'worker.mjs': { js: SCRIPTS[name] } };
      const isolate = ++isolates;
      const wasm = await coreOf(isolate);
      if (name === 'replica') modules['topgun.wasm'] = { wasm };
      const code = { compatibilityDate: DATE, mainModule: 'worker.mjs', modules, env: { ORIGIN } };
      return LOADER.get(String(isolate), () => code).getEntrypoint().fetch(request);
    },
  };`;

async function bundle(contents) {
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: fileURLToPath(new URL('.', import.meta.url)) },
    bundle: true,
    minify: true,
    format: 'esm',
    target: 'es2022',
    conditions: ['workerd', 'worker', 'browser'],
    external: ['*.wasm'],
    write: false,
    logLevel: 'error',
  });
  return outputFiles[0].text;
}

/** `server` is the origin of the replica. */
export async function measureEdge(results, { smoke, server }) {
  progress('http: cold start of a replica in workerd');
  const wasm = readFileSync(join(built.package, 'topgun.wasm'));
  const scripts = { empty: await bundle(kScripts.empty), replica: await bundle(kScripts.replica) };
  const brotli = (bytes) => brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } }).length;
  results.add({
    case: 'entry for functions at the edge',
    metric: 'wasm+js brotli',
    value: (brotli(wasm) + brotli(Buffer.from(scripts.replica))) / 1024,
    unit: 'KiB',
    bar: ['<=', 150],
  });

  const { Miniflare } = await import('miniflare');
  const origin = `http://127.0.0.1:${server.port}`;
  const answerOf = async (worker, name) => {
    const answer = await (await worker.dispatchFetch(`http://worker/${name}`)).text();
    if (answer !== '0') throw new Error(`the worker answered ${answer}`);
  };
  const report = (what, ms) =>
    results.add({
      case: `workerd: ${what}`,
      metric: 'instantiate, first sync',
      value: ms.replica,
      unit: 'ms',
      baseline: { name: 'an empty worker', value: ms.empty },
      ratio: ms.replica / ms.empty,
      bar: ['<=', 2],
    });

  const ofProcess = (name) => async () => {
    const begin = performance.now();
    const worker = new Miniflare({
      compatibilityDate: kDate,
      bindings: { ORIGIN: origin },
      modules: [
        { type: 'ESModule', path: 'worker.mjs', contents: scripts[name] },
        ...(name === 'replica' ? [{ type: 'CompiledWasm', path: 'topgun.wasm', contents: wasm }] : []),
      ],
    });
    try {
      await answerOf(worker, name);
      return performance.now() - begin;
    } finally {
      await worker.dispose();
    }
  };
  report(
    'from its start to the answer of the first request',
    await interleave(smoke ? 1 : 9, { empty: ofProcess('empty'), replica: ofProcess('replica') }),
  );

  const loader = new Miniflare({
    compatibilityDate: kDate,
    workerLoaders: { LOADER: {} },
    bindings: { ORIGIN: origin, DATE: kDate, SCRIPTS: scripts },
    modules: [
      { type: 'ESModule', path: 'loader.mjs', contents: kLoader },
      { type: 'Data', path: 'topgun.bin', contents: wasm },
    ],
  });
  const ofIsolate = (name) => async () => {
    const begin = performance.now();
    await answerOf(loader, name);
    return performance.now() - begin;
  };
  try {
    report(
      'a new isolate in a running process, from its code to the answer',
      await interleave(smoke ? 1 : 31, { empty: ofIsolate('empty'), replica: ofIsolate('replica') }),
    );
  } finally {
    await loader.dispose();
  }
}
