import { ErrorCode, TopGunError } from '../errors.js';
import type { StorageAdapter } from '../storage/adapter.js';
import type { WebSocketConstructor } from '../transport/websocket.js';

/** A token, or a function that fetches one; it is called again when the server says it expired. */
export type TokenSource = string | (() => string | Promise<string>);

/** How changes are asked for where requests carry the conversation. */
export interface HttpOptions {
  /**
   * `stream`: the server answers with a stream of events. `long-poll`: it holds answers back until there
   * is news. `poll`: the client asks again and again. Default: `auto`, the first of these that gets through.
   */
  readonly mode?: 'auto' | 'stream' | 'long-poll' | 'poll';
  /**
   * Milliseconds between two questions, where they are not held back: `min` after changes and own writes
   * (500), growing to `max` while nothing happens (30,000).
   */
  readonly pollMs?: { readonly min?: number; readonly max?: number };
  /** Goes on asking while the page is hidden. Default: false; own writes leave in any case. */
  readonly pollWhenHidden?: boolean;
}

/** How a client is set up. Everything is optional: without options it is a map in memory. */
export interface TopGunClientOptions {
  /** Where the server is: `ws:`, `wss:`, `http:` or `https:`. Without it the client stays local. */
  readonly serverUrl?: string;
  /**
   * What carries the conversation with the server. `auto`, the default: a WebSocket, and HTTP requests
   * where none can be opened or none lasts, until one gets through again.
   */
  readonly transport?: 'auto' | 'websocket' | 'http';
  /** How changes are asked for over HTTP. */
  readonly http?: HttpOptions;
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

/** The id that the options ask for; 0 for none. */
export function replicaIdOf({ nodeId }: TopGunClientOptions): bigint {
  if (nodeId === undefined) return 0n;
  if (!/^[0-9a-f]{1,16}$/i.test(nodeId) || BigInt(`0x${nodeId}`) === 0n) {
    throw new TopGunError(ErrorCode.InvalidArgument, 'nodeId is 1 to 16 hexadecimal digits, not 0');
  }
  return BigInt(`0x${nodeId}`);
}
