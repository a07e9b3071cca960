import type { EngineFactory } from '../bindings/engine.js';
import type { StorageAdapter } from '../storage/adapter.js';
import type { TabChannel } from '../tabs/channel.js';
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
  /** How the tabs that share the lock of a store reach each other, if not as in browsers. */
  readonly tabChannel?: (lockName: string) => TabChannel;
  /** Calls back when the system believes that the network came or went; a hint, not a fact. */
  onConnectivity(listener: (online: boolean) => void): () => void;
}
