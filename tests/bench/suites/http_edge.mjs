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
  /** From the start of the process, or from when it is up: the isolate's first request is then what is left. */
  const coldStart = (name, isUp) => async () => {
    let begin = performance.now();
    const worker = new Miniflare({
      compatibilityDate: '2026-01-01',
      bindings: { ORIGIN: `http://127.0.0.1:${server.port}` },
      modules: [
        { type: 'ESModule', path: 'worker.mjs', contents: scripts[name] },
        ...(name === 'replica' ? [{ type: 'CompiledWasm', path: 'topgun.wasm', contents: wasm }] : []),
      ],
    });
    try {
      if (isUp) {
        await worker.ready;
        begin = performance.now();
      }
      const answer = await (await worker.dispatchFetch('http://worker/')).text();
      if (answer !== '0') throw new Error(`the worker answered ${answer}`);
      return performance.now() - begin;
    } finally {
      await worker.dispose();
    }
  };
  for (const [what, isUp] of [
    ['from its start to the answer of the first request', false],
    ['the first request, once the process is up', true],
  ]) {
    const ms = await interleave(smoke ? 1 : 9, { empty: coldStart('empty', isUp), replica: coldStart('replica', isUp) });
    results.add({
      case: `workerd: ${what}`,
      metric: 'instantiate, first sync',
      value: ms.replica,
      unit: 'ms',
      baseline: { name: 'an empty worker', value: ms.empty },
      ratio: ms.replica / ms.empty,
      bar: ['<=', 2],
    });
  }
}
