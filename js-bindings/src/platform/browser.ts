import { loadBrowserEngine } from '../loader/browser.js';
import type { Build } from '../loader/registry.js';
import { indexedDbStorage } from '../storage/indexeddb.js';
import { webSockets, type WebSocketConstructor } from '../transport/websocket.js';
import type { Platform } from './platform.js';

/**
 * Pages and workers of browsers. `url` is where the WebAssembly of the build lies: every bundler copies
 * the file when it sees `new URL` with its name, so that only entry points spell it.
 */
export const browserPlatform = (build: Build, url: () => URL): Platform => ({
  loadEngine: () => loadBrowserEngine(build, url()),
  defaultStorage: () => indexedDbStorage(),
  connect: webSockets(async () => WebSocket as unknown as WebSocketConstructor),
  // Most pages never need it, so that it is no part of their first load.
  http: () => import('../transport/http.js'),
  transportStore() {
    // A worker has none, and a page may be denied it.
    try {
      return globalThis.localStorage;
    } catch {
      return undefined;
    }
  },
  onVisibility(listener) {
    const { document } = globalThis as { document?: Document };
    if (document === undefined) return () => undefined;
    const changed = (): void => listener(document.visibilityState === 'hidden');
    document.addEventListener('visibilitychange', changed);
    if (document.visibilityState === 'hidden') changed();
    return () => document.removeEventListener('visibilitychange', changed);
  },
  onConnectivity(listener) {
    const online = (): void => listener(true);
    const offline = (): void => listener(false);
    globalThis.addEventListener('online', online);
    globalThis.addEventListener('offline', offline);
    // Only "offline" is trustworthy at the start: it needs no probe to be true.
    if (globalThis.navigator?.onLine === false) offline();
    return () => {
      globalThis.removeEventListener('online', online);
      globalThis.removeEventListener('offline', offline);
    };
  },
});
