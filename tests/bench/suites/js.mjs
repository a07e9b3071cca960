// The client in JavaScript: calls across the border to WebAssembly, memory, and how long the first
// operation takes to come, in Node, in a browser and in workerd.

import assert from 'node:assert/strict';
import { createReadStream, existsSync, mkdirSync } from 'node:fs';
import { createServer } from 'node:http';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundlePage, bundleWorker } from '../contenders/first_use/bundle.mjs';
import { interleave, median, mustAgree } from '../lib/measure.mjs';
import { findProgram, root } from '../lib/paths.mjs';
import { outputOf } from '../lib/processes.mjs';
import { progress } from '../lib/results.mjs';

const here = (path) => fileURLToPath(new URL(`../contenders/${path}`, import.meta.url));
const apps = join(root, 'build/bench');

export async function run(results, { smoke }) {
  await border(results, { smoke });
  await memory(results, { smoke });
  await firstUseInNode(results, { smoke });
  await firstUseInBrowser(results, { smoke });
  await firstUseInWorkerd(results, { smoke });
}

/** `set` and `get` of objects with six fields, in Node with WebAssembly. */
async function border(results, { smoke }) {
  progress('js: set and get');
  const counts = (smoke ? [1000, 1000] : [50_000, 1_000_000]).map(String);
  const gets = { wasm: [], Yjs: [] };
  const digests = {};
  const measure = (name, contender) => async () => {
    const env = { ...process.env, TOPGUN_CORE: 'wasm' };
    const output = JSON.parse(await outputOf([process.execPath, here('border.mjs'), contender, ...counts], { env }));
    gets[name].push(output.get_ns);
    digests[name] = output.digest;
    return output.set_ns;
  };
  const set = await interleave(smoke ? 1 : 5, { wasm: measure('wasm', 'topgun'), Yjs: measure('Yjs', 'yjs') });
  mustAgree('set and get', digests);
  const get = { wasm: median(gets.wasm.slice(1)), Yjs: median(gets.Yjs.slice(1)) };

  for (const [metric, times, bar] of [['map.set with stamp and merge', set, 6], ['map.get, hot', get, 2.5]]) {
    results.add({
      case: 'object of six fields, Node with WebAssembly',
      metric,
      value: times.wasm,
      unit: 'ns',
      baseline: { name: 'Yjs, Y.Map', value: times.Yjs },
      ratio: times.Yjs / times.wasm,
      bar: ['>=', bar],
    });
  }
}

async function memory(results, { smoke }) {
  progress('js: memory');
  const records = smoke ? 100 : 40_000;
  const measure = (name) => async () =>
    Number(await outputOf([process.execPath, '--expose-gc', here('memory.mjs'), name, String(records)])) / 2 ** 20;
  const mib = await interleave(smoke ? 1 : 5, { topgun: measure('topgun'), Yjs: measure('yjs') });
  results.add({
    case: `${records} small records in a Node client`,
    metric: 'RSS over base',
    value: mib.topgun,
    unit: 'MiB',
    baseline: { name: 'Yjs', value: mib.Yjs },
    ratio: mib.topgun / mib.Yjs,
    bar: ['<=', 1],
  });
}

async function firstUseInNode(results, { smoke }) {
  progress('js: first use in Node');
  const measure = (name) => async () => Number(await outputOf([process.execPath, here('first_use/node.mjs'), name]));
  const ms = await interleave(smoke ? 1 : 11, {
    topgun: measure('topgun'),
    Automerge: measure('automerge'),
    Yjs: measure('yjs'),
  });
  results.add({
    case: 'import to first set and get in Node',
    metric: 'time',
    value: ms.topgun,
    unit: 'ms',
    baseline: { name: 'Automerge', value: ms.Automerge },
    ratio: ms.topgun / ms.Automerge,
    bar: ['<=', 0.5],
  });
  results.add({
    case: 'import to first set and get in Node',
    metric: 'time, beside Yjs',
    value: ms.topgun,
    unit: 'ms',
    baseline: { name: 'Yjs', value: ms.Yjs },
    ratio: ms.topgun / ms.Yjs,
  });
}

const kTypes = { '.html': 'text/html', '.js': 'text/javascript', '.wasm': 'application/wasm' };

/** Serves the folders below `folder`; resolves to the server. */
function serve(folder) {
  const server = createServer((request, response) => {
    const path = join(folder, request.url);
    if (!existsSync(path)) return response.writeHead(404).end();
    response.writeHead(200, { 'content-type': kTypes[extname(path)], 'cache-control': 'no-store' });
    createReadStream(path).pipe(response);
  });
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server)));
}

/** Each run in a fresh context; an import of nothing is subtracted. */
async function firstUseInBrowser(results, { smoke }) {
  const executablePath = findProgram('chromium', 'chromium-browser', 'google-chrome');
  if (!executablePath) return progress('js: no Chromium; the first use in a browser is left out');
  progress('js: first use in a browser');
  mkdirSync(apps, { recursive: true });
  const names = ['empty', 'topgun', 'yjs'];
  for (const name of names) await bundlePage(name, join(apps, 'page', name));
  const server = await serve(join(apps, 'page'));
  const { chromium } = await import('playwright-core');
  const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] });
  const measure = (name) => async () => {
    const context = await browser.newContext();
    try {
      const page = await context.newPage();
      const finished = new Promise((resolve, reject) => {
        page.on('pageerror', reject);
        void page.exposeFunction('finished', resolve).then(() =>
          page.goto(`http://127.0.0.1:${server.address().port}/${name}/index.html`),
        ).catch(reject);
      });
      return await finished;
    } finally {
      await context.close();
    }
  };
  try {
    const ms = await interleave(smoke ? 1 : 15, Object.fromEntries(names.map((name) => [name, measure(name)])));
    const over = (name) => Math.max(ms[name] - ms.empty, 0.01);
    results.add({
      case: 'import to first set and get in Chromium, over an empty page',
      metric: 'time',
      value: over('topgun'),
      unit: 'ms',
      baseline: { name: 'Yjs', value: over('yjs') },
      ratio: over('topgun') / over('yjs'),
      bar: ['<=', 1.8],
    });
  } finally {
    await browser.close();
    server.close();
  }
}

/** From the start of workerd to the answer of the first request; an empty worker is subtracted. */
async function firstUseInWorkerd(results, { smoke }) {
  progress('js: first use in workerd');
  const { Miniflare } = await import('miniflare');
  const names = ['empty', 'topgun', 'automerge'];
  const modules = {};
  for (const name of names) modules[name] = await bundleWorker(name, join(apps, 'worker', name));
  const measure = (name) => async () => {
    const begin = performance.now();
    const worker = new Miniflare({ compatibilityDate: '2026-01-01', modules: modules[name] });
    try {
      const response = await worker.dispatchFetch('http://worker/');
      assert.equal(await response.text(), 'value');
      return performance.now() - begin;
    } finally {
      await worker.dispose();
    }
  };
  const ms = await interleave(smoke ? 1 : 11, Object.fromEntries(names.map((name) => [name, measure(name)])));
  const over = (name) => Math.max(ms[name] - ms.empty, 0.01);
  results.add({
    case: 'workerd: instantiate and first operation, over an empty worker',
    metric: 'time',
    value: over('topgun'),
    unit: 'ms',
    baseline: { name: 'Automerge', value: over('automerge') },
    ratio: over('topgun') / over('automerge'),
    bar: ['<=', 0.3],
  });
}
