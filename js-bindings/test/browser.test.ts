import assert from 'node:assert/strict';
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join, resolve } from 'node:path';
import { after, before, test, type TestContext } from 'node:test';
import { build } from 'esbuild';
import { chromium, type Browser, type BrowserContext, type Page } from 'playwright-core';
import type { ErrorCode } from '../src/errors.js';
import type { TopGunClient, TopGunError } from '../src/index.browser.js';
import type { StorageAdapter } from '../src/storage/adapter.js';

// The stores of browsers in a real one: Debian's Chromium, with the package as its users bundle it.

/** What the page puts on its window. */
interface Kit {
  TopGunClient: typeof TopGunClient;
  ErrorCode: typeof ErrorCode;
  stores: Record<string, () => StorageAdapter>;
  client?: TopGunClient;
}
declare global {
  // eslint-disable-next-line no-var
  var kit: Kit;
}

const work = resolve('../build/js-tests/browser');
const types: Record<string, string> = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  // Wrong on purpose: many servers do not know the type, and the loader must cope.
  '.wasm': 'application/octet-stream',
};

let server: Server;
let browser: Browser;

before(async () => {
  mkdirSync(work, { recursive: true });
  const entry = `
    import { TopGunClient, ErrorCode } from '${resolve('src/index.browser.ts')}';
    import { indexedDbStorage } from '${resolve('src/storage/indexeddb.ts')}';
    import { opfsStorage } from '${resolve('src/storage/opfs.ts')}';
    globalThis.kit = {
      TopGunClient,
      ErrorCode,
      stores: { indexeddb: () => indexedDbStorage({ name: 'test' }), opfs: () => opfsStorage({ name: 'test' }) },
    };`;
  writeFileSync(join(work, 'entry.js'), entry);
  await build({
    entryPoints: { page: join(work, 'entry.js'), 'opfs-worker': resolve('src/storage/opfs-worker.ts') },
    outdir: work,
    bundle: true,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    logLevel: 'error',
  });
  writeFileSync(join(work, 'index.html'), '<!doctype html><script type="module" src="page.js"></script>');
  copyFileSync(process.env['TOPGUN_TEST_QUERIES_WASM']!, join(work, 'topgun-queries.wasm'));
  copyFileSync(
    resolve('../node_modules/@sqlite.org/sqlite-wasm/dist/sqlite3.wasm'),
    join(work, 'sqlite3.wasm'),
  );
  server = createServer((request, response) => {
    const path = request.url === '/' ? '/index.html' : request.url!.replace(/\?.*/, '');
    try {
      const body = readFileSync(join(work, path));
      response.setHeader('content-type', types[extname(path)] ?? 'text/plain');
      response.end(body);
    } catch {
      response.statusCode = 404;
      response.end();
    }
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  browser = await chromium.launch({
    executablePath: process.env['CHROMIUM'] ?? '/usr/bin/chromium',
    args: ['--no-sandbox'],
  });
});

after(async () => {
  await browser?.close();
  server?.close();
});

async function contextFor(t: TestContext): Promise<BrowserContext> {
  const context = await browser.newContext();
  t.after(() => context.close());
  return context;
}

async function pageIn(context: BrowserContext): Promise<Page> {
  const page = await context.newPage();
  page.on('pageerror', (error) => console.error(error));
  await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  await page.waitForFunction(() => globalThis.kit !== undefined);
  return page;
}

/** Starts the page's client on a store; resolves to what the store promises. */
function start(page: Page, store: string): Promise<string> {
  return page.evaluate(async (name) => {
    kit.client = new kit.TopGunClient({ storage: kit.stores[name]!() });
    await kit.client.start();
    return kit.client.persistence;
  }, store);
}

for (const store of ['indexeddb', 'opfs']) {
  test(`browser: ${store} keeps rows over a reload`, async (t) => {
    const page = await pageIn(await contextFor(t));
    assert.match(await start(page, store), /^(durable|best-effort)$/);
    await page.evaluate(async () => {
      const map = kit.client!.getMap<unknown>('m');
      for (let n = 0; n < 2000; n++) map.set(`k${n}`, { n });
      map.delete('k0');
      await kit.client!.flush();
    });
    await page.reload();
    await page.waitForFunction(() => globalThis.kit !== undefined);
    await start(page, store);
    const found = await page.evaluate(() => {
      const map = kit.client!.getMap<{ n: number }>('m');
      return [map.size, map.get('k1999')?.n, map.has('k0')];
    });
    assert.deepEqual(found, [1999, 1999, false]);
  });

  test(`browser: with ${store} a second tab follows the first, and leads when that is closed`, async (t) => {
    const context = await contextFor(t);
    const first = await pageIn(context);
    await start(first, store);
    await first.evaluate(() => kit.client!.getMap<number>('m').set('a', 1));
    const second = await pageIn(context);
    await start(second, store);
    const followed = await second.evaluate(async () => {
      const map = kit.client!.getMap<number>('m');
      await map.loaded();
      map.set('b', 2);
      await kit.client!.flush();
      return [kit.client!.tabRole, map.get('a')];
    });
    assert.deepEqual(followed, ['follower', 1]);
    assert.equal(await first.evaluate(() => kit.client!.getMap<number>('m').get('b')), 2);
    await first.close();
    await second.waitForFunction(() => kit.client!.tabRole === 'leader');
    const led = await second.evaluate(async () => {
      await kit.client!.flush();
      return [...kit.client!.getMap<number>('m')].sort();
    });
    assert.deepEqual(led, [['a', 1], ['b', 2]]);
  });

  test(`browser: with ${store} a tab that follows says goodbye without a word when it crashes`, async (t) => {
    const context = await contextFor(t);
    const first = await pageIn(context);
    await start(first, store);
    const second = await pageIn(context);
    await start(second, store);
    await second.evaluate(async () => {
      kit.client!.getMap<number>('only here').set('a', 1);
      await kit.client!.flush();
    });
    const crashed = second.waitForEvent('crash');
    await second.goto('chrome://crash').catch(() => undefined);
    await crashed;
    // What the leader knew of the tab goes with it, as the lock of the tab does.
    await first.waitForFunction(() => {
      const { session } = kit.client as unknown as { session: { leader?: { tabs: Map<string, unknown> } } };
      return session.leader?.tabs.size === 0;
    });
  });
}

test('browser: a quota that is exceeded is reported, and writing goes on in memory', async (t) => {
  const page = await pageIn(await contextFor(t));
  await start(page, 'indexeddb');
  const report = await page.evaluate(async () => {
    // Staged, since the quota of a test profile is that of the disk.
    IDBTransaction.prototype.commit = function abort() {
      Object.defineProperty(this, 'error', { value: new DOMException('', 'QuotaExceededError') });
      this.abort();
    };
    const map = kit.client!.getMap<string>('m');
    const reported = new Promise<{ level: string; error: TopGunError | undefined }>((resolve) => {
      kit.client!.on('persistence', resolve);
    });
    map.set('before', 'is kept');
    const { level, error } = await reported;
    map.set('after', 'still works');
    return [level, error?.code, map.get('after')];
  });
  assert.deepEqual(report, ['memory', 501, 'still works']);
});

test('browser: a store that is wiped is reported, and filled again', async (t) => {
  const page = await pageIn(await contextFor(t));
  await start(page, 'indexeddb');
  const report = await page.evaluate(async () => {
    const map = kit.client!.getMap<number>('m');
    map.set('before', 1);
    await kit.client!.flush();
    const reported = new Promise<TopGunError | undefined>((resolve) => {
      kit.client!.on('persistence', ({ error }) => resolve(error));
    });
    indexedDB.deleteDatabase('test');
    const error = await reported;
    map.set('after', 2);
    await kit.client!.flush();
    await kit.client!.close();
    return error?.code;
  });
  assert.equal(report, 503);
  await page.reload();
  await page.waitForFunction(() => globalThis.kit !== undefined);
  await start(page, 'indexeddb');
  const keys = await page.evaluate(() => [...kit.client!.getMap('m').keys()].sort());
  assert.deepEqual(keys, ['after', 'before']);
});
