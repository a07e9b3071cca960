// Keeps the app shell (page, script, style, WASM) on the device, so that the page opens without a
// network. The data is none of its business: the clients keep that in IndexedDB.

/** Filled in by the build: whose shell it is, a digest over every file of it, and the files. */
declare const SHELL_NAME: string;
declare const SHELL_VERSION: string;
declare const SHELL_FILES: readonly string[];

const worker = self as unknown as ServiceWorkerGlobalScope;

const CACHE_PREFIX = `${SHELL_NAME}-shell-`;
const CACHE = CACHE_PREFIX + SHELL_VERSION;

worker.addEventListener('install', (event) => event.waitUntil(install()));
worker.addEventListener('activate', (event) => event.waitUntil(activate()));
worker.addEventListener('fetch', (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== 'GET' || url.origin !== worker.location.origin) return;
  const file = url.pathname.slice(new URL(worker.registration.scope).pathname.length);
  const shellFile = file === '' ? 'index.html' : file;
  if (SHELL_FILES.includes(shellFile)) event.respondWith(fromShell(shellFile, request));
});

async function install(): Promise<void> {
  const cache = await caches.open(CACHE);
  // `reload` passes over the HTTP cache, which may still hold files of the version before.
  await cache.addAll(SHELL_FILES.map((file) => new Request(file, { cache: 'reload' })));
  await worker.skipWaiting();
}

async function activate(): Promise<void> {
  for (const name of await caches.keys()) {
    if (name.startsWith(CACHE_PREFIX) && name !== CACHE) await caches.delete(name);
  }
  await worker.clients.claim();
}

async function fromShell(file: string, request: Request): Promise<Response> {
  const cache = await caches.open(CACHE);
  return (await cache.match(file)) ?? fetch(request);
}
