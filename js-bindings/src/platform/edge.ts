import type { Build } from '../loader/registry.js';
import { loadStaticEngine } from '../loader/static.js';
import { memoryStorage } from '../storage/memory.js';
import { openHttp, probeSocket } from '../transport/http.js';
import { webSockets, type WebSocketConstructor } from '../transport/websocket.js';
import type { Platform } from './platform.js';

/** Isolates at the edge, which get the core as a compiled module. */
export function edgePlatform(build: Build, module: WebAssembly.Module): Platform {
  return {
    loadEngine: () => loadStaticEngine(build, module),
    defaultStorage: memoryStorage,
    connect: webSockets(async () => WebSocket as unknown as WebSocketConstructor),
    http: async () => ({ openHttp, probeSocket }),
    onConnectivity: () => () => undefined,
  };
}
