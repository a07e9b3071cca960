import type { EngineFactory } from '../bindings/engine.js';
import type { StorageAdapter } from '../storage/adapter.js';
import type { TabChannel } from '../tabs/channel.js';
import type { HttpTransport } from '../transport/exchanges.js';
import type { TextStore } from '../transport/memory.js';
import type { SocketFactory } from '../transport/socket.js';

/**
 * What differs between browsers, edge isolates and Node, as one small object each. Everything else
 * of the client is the same everywhere.
 */
export interface Platform {
  /** Loads the core: compiled once a process, shared by all clients. */
  loadEngine(): Promise<EngineFactory>;
  /** The store of a client that names none. */
  defaultStorage(): StorageAdapter;
  readonly connect: SocketFactory;
  /** Loads what carries requests where a WebSocket does not get through. */
  readonly http?: () => Promise<HttpTransport>;
  /** Where the way to a server is remembered between starts. */
  readonly transportStore?: () => TextStore | undefined;
  /** How the tabs that share the lock of a store reach each other, if not as in browsers. */
  readonly tabChannel?: (lockName: string) => TabChannel;
  /** Calls back when the system believes that the network came or went; a hint, not a fact. */
  onConnectivity(listener: (online: boolean) => void): () => void;
  /** Calls back when the page is hidden or shown, and at once if it is hidden. */
  readonly onVisibility?: (listener: (hidden: boolean) => void) => () => void;
}
