// usage: node start.mjs [--origin URL] [--port N]
// Runs the functions in the edge runtime, as `vercel dev` would, and prints their address.

import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

import { EdgeVM } from '@edge-runtime/vm';
import { build } from 'esbuild';

const { values } = parseArgs({
  options: {
    origin: { type: 'string', default: 'http://localhost:8080' },
    port: { type: 'string', default: '3000' },
  },
});

/** `x.wasm?module` is what the platform has compiled: code may not be compiled at the edge. */
const compiledWasm = {
  name: 'compiled-wasm',
  setup(build) {
    build.onResolve({ filter: /\.wasm\?module$/ }, ({ path }) => ({ path, namespace: 'wasm' }));
    build.onLoad({ filter: /.*/, namespace: 'wasm' }, () => ({
      contents: 'export default globalThis.compiledWasm;',
    }));
  },
};

const wasm = new WebAssembly.Module(await readFile(fileURLToPath(import.meta.resolve('topgun/topgun.wasm'))));

/** An isolate with one function. */
async function load(name) {
  const bundle = await build({
    stdin: {
      contents: `import handler from './api/${name}.mjs';
        addEventListener('fetch', (event) => event.respondWith(handler(event.request)));`,
      resolveDir: fileURLToPath(new URL('.', import.meta.url)),
    },
    bundle: true,
    format: 'iife',
    conditions: ['edge-light'],
    plugins: [compiledWasm],
    write: false,
    logLevel: 'error',
  });
  const env = { ORIGIN: values.origin };
  const isolate = new EdgeVM({
    extend: (context) => Object.assign(context, { compiledWasm: wasm, process: { env } }),
  });
  isolate.evaluate(bundle.outputFiles[0].text);
  return isolate;
}

const functions = { notes: await load('notes'), sync: await load('sync') };

const server = createServer(async (incoming, outgoing) => {
  const name = /^\/api\/(\w+)/.exec(incoming.url)?.[1];
  if (!(name in functions)) return outgoing.writeHead(404).end();
  const chunks = await incoming.toArray();
  const answer = await functions[name].dispatchFetch(`http://localhost${incoming.url}`, {
    method: incoming.method,
    headers: incoming.headers,
    ...(chunks.length > 0 ? { body: Buffer.concat(chunks) } : {}),
  });
  outgoing.writeHead(answer.status, Object.fromEntries(answer.headers));
  if (answer.body === null) return outgoing.end();
  Readable.fromWeb(answer.body).on('error', () => outgoing.destroy()).pipe(outgoing);
});
server.listen(Number(values.port), () => console.log(`http://localhost:${server.address().port}/`));
