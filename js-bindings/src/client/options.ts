import type { StorageAdapter } from '../storage/adapter.js';
import type { WebSocketConstructor } from '../transport/websocket.js';

/** A token, or a function that fetches one; it is called again when the server says it expired. */
export type TokenSource = string | (() => string | Promise<string>);

/** How a client is set up. Everything is optional: without options it is a map in memory. */
export interface TopGunClientOptions {
  /** Where the server is: `ws:`, `wss:`, `http:` or `https:`. Without it the client stays local. */
  readonly serverUrl?: string;
  /** Where rows are kept between starts. Default: IndexedDB in browsers, memory elsewhere. */
  readonly storage?: StorageAdapter;
  /** Proves to the server who this is. */
  readonly token?: TokenSource;
  /**
   * The replica id, as 16 hexadecimal digits. By default one is drawn at random at the first start and
   * kept in the store, which is what you want: a second client with the same id, or the same one without its store, takes
   * another, as `replica-replaced` tells.
   */
  readonly nodeId?: string;
  /** Writes that may wait for the server before further ones are refused. Default: 1,000,000. */
  readonly outboxMax?: number;
  /** The WebSocket class to use where the runtime has none, such as that of `ws` in Node 20. */
  readonly WebSocket?: WebSocketConstructor;
}
