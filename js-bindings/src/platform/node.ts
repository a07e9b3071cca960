import { ErrorCode, TopGunError } from '../errors.js';
import { loadNodeEngine } from '../loader/node.js';
import type { Build } from '../loader/registry.js';
import { memoryStorage } from '../storage/memory.js';
import { openHttp, probeSocket } from '../transport/http.js';
import { webSockets, type WebSocketConstructor } from '../transport/websocket.js';
import type { Platform } from './platform.js';

/** Node from version 20 on. `baseUrl` is where the package's binaries lie. */
export function nodePlatform(build: Build, baseUrl: string): Platform {
  return {
    loadEngine: () => loadNodeEngine(build, baseUrl),
    defaultStorage: memoryStorage,
    connect: webSockets(findWebSocket),
    http: async () => ({ openHttp, probeSocket }),
    onConnectivity: () => () => undefined,
  };
}

/** Node's own class, which it has from version 22 on, or that of the optional package `ws`. */
async function findWebSocket(): Promise<WebSocketConstructor> {
  const { WebSocket: own } = globalThis as { WebSocket?: unknown };
  if (own !== undefined) return own as WebSocketConstructor;
  try {
    const { WebSocket } = (await import('ws')) as { WebSocket: unknown };
    return WebSocket as WebSocketConstructor;
  } catch (cause) {
    const detail = 'Node 20 has no WebSocket: npm install ws, or pass one as the option WebSocket';
    throw new TopGunError(ErrorCode.NotReady, detail, { cause });
  }
}
