// What a user waits for in a page: from a write to the callback of a live query that it changes.

import { createReadStream, existsSync } from 'node:fs';
import { createServer } from 'node:http';
import { extname, join } from 'node:path';
import { bundleCallbackPage } from '../contenders/callback/bundle.mjs';
import { interleave, mustAgree } from '../lib/measure.mjs';
import { findProgram, root } from '../lib/paths.mjs';
import { progress } from '../lib/results.mjs';

const kNames = ['topgun', 'tanstack', 'tinybase'];
const kTypes = { '.html': 'text/html', '.js': 'text/javascript', '.wasm': 'application/wasm' };
/** Without these a page's clock ticks every 100 µs; with them, every 5. */
const kIsolated = { 'cross-origin-opener-policy': 'same-origin', 'cross-origin-embedder-policy': 'require-corp' };

function serve(folder) {
  const server = createServer((request, response) => {
    const path = join(folder, request.url);
    if (!existsSync(path)) return response.writeHead(404).end();
    response.writeHead(200, { 'content-type': kTypes[extname(path)], ...kIsolated });
    createReadStream(path).pipe(response);
  });
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server)));
}

function percentile(numbers, share) {
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];
}

export async function runInBrowser(results, { smoke }) {
  const executablePath = findProgram('chromium', 'chromium-browser', 'google-chrome');
  if (!executablePath) return progress('live: no Chromium; callbacks in a browser are left out');
  progress('live: from a write to a callback in Chromium');
  const records = smoke ? 500 : 10_000;
  const writes = smoke ? 20 : 2000;
  const folder = join(root, 'build/bench/callback');
  for (const name of kNames) await bundleCallbackPage(name, join(folder, name));
  const server = await serve(folder);
  const { chromium } = await import('playwright-core');
  const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] });
  const found = {};
  const medians = Object.fromEntries(kNames.map((name) => [name, []]));
  const measure = (name) => async () => {
    const context = await browser.newContext();
    try {
      const page = await context.newPage();
      const failed = new Promise((_, reject) => page.on('pageerror', reject));
      const loaded = new Promise((resolve) => page.exposeFunction('loaded', resolve).then(() =>
        page.goto(`http://127.0.0.1:${server.address().port}/${name}/index.html`)));
      await Promise.race([loaded, failed]);
      const { us, rows } = await Promise.race([
        page.evaluate(([count, times]) => globalThis.measure(count, times), [records, writes]),
        failed,
      ]);
      found[name] = rows.join();
      medians[name].push(percentile(us, 0.5));
      return percentile(us, 0.99);
    } finally {
      await context.close();
    }
  };
  try {
    const p99 = await interleave(smoke ? 1 : 3, Object.fromEntries(kNames.map((name) => [name, measure(name)])));
    mustAgree('the 50 latest orders of a zone', found);
    const best = kNames.slice(1).sort((a, b) => p99[a] - p99[b])[0];
    const name = `from a write to the callback in Chromium, ${records} rows, 100 live queries`;
    results.add({
      case: name,
      metric: '99th percentile',
      value: p99.topgun,
      unit: 'µs',
      baseline: { name: best, value: p99[best] },
      ratio: p99[best] / p99.topgun,
      bar: ['>=', 10],
    });
    results.add({ case: name, metric: 'median', value: percentile(medians.topgun.slice(1), 0.5), unit: 'µs' });
  } finally {
    await browser.close();
    server.close();
  }
}
