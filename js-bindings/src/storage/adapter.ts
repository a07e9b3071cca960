import type { StoredRow } from '../bindings/events.js';
import type { TopGunError } from '../errors.js';

export type { StoredRow };

/**
 * What a store promises about what it accepted: `durable` survives a crash and is not evicted,
 * `best-effort` survives a crash but may be evicted by the browser, `memory` ends with the process.
 */
export type Persistence = 'durable' | 'best-effort' | 'memory';

/** Rows to put and names to delete, all of it or nothing. */
export interface StorageTransaction {
  readonly puts: readonly StoredRow[];
  readonly deletes: readonly string[];
}

/** How a store reports what happens to it between calls. */
export interface StorageEvents {
  /** Someone else holds the store; `open` goes on when it is released. */
  waiting(): void;
  /** The store was closed, emptied or taken away; `error` says which. */
  lost(error: TopGunError): void;
}

/**
 * Where a client keeps its rows between starts. The rows are opaque: a store keeps them by name and
 * hands all of them back. Calls never overlap; a call that fails rejects with a TopGunError of the
 * storage group (5xx) and leaves the stored rows as they were.
 *
 * @example
 * ```ts
 * import { TopGunClient, memoryStorage, type StorageAdapter } from 'topgun';
 *
 * const storage: StorageAdapter = memoryStorage();
 * const client = new TopGunClient({ storage });
 * await client.start();
 * await client.close();
 * ```
 */
export interface StorageAdapter {
  /**
   * The name of the Web Lock under which `open` opens the store. Clients that wait for this lock
   * follow the one that holds it, instead of doing nothing; without a name they wait.
   */
  readonly lockName?: string | undefined;
  /**
   * `transact` has applied the transaction when it returns, and cannot fail: nobody waits for its promise. The values are
   * borrowed for the call.
   */
  readonly storesAtOnce?: true;
  /** Opens the store, waiting until no other client uses it. Resolves to what it promises. */
  open(events: StorageEvents): Promise<Persistence>;
  /** Every stored row, in any order. */
  load(): Promise<StoredRow[]>;
  /** Applies a transaction. Resolved means that it survives a crash (unless `memory`). */
  transact(transaction: StorageTransaction): Promise<void>;
  close(): Promise<void>;
}
