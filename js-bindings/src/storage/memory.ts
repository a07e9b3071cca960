import type { Persistence, StorageAdapter, StorageTransaction, StoredRow } from './adapter.js';

/**
 * A store that lives as long as its object: for tests, edge functions and clients that only work
 * online. Passing the same object to a second client after closing the first gives it the same rows.
 *
 * @example
 * ```ts
 * import { TopGunClient, memoryStorage } from 'topgun';
 *
 * const client = new TopGunClient({ storage: memoryStorage() });
 * await client.start();
 * console.log(client.persistence); // memory
 * await client.close();
 * ```
 */
export function memoryStorage(): StorageAdapter {
  return new MemoryStorage();
}

class MemoryStorage implements StorageAdapter {
  private readonly rows = new Map<string, Uint8Array>();

  async open(): Promise<Persistence> {
    return 'memory';
  }

  async load(): Promise<StoredRow[]> {
    return Array.from(this.rows, ([key, value]) => ({ key, value }));
  }

  async transact({ puts, deletes }: StorageTransaction): Promise<void> {
    for (const { key, value } of puts) this.rows.set(key, value);
    for (const key of deletes) this.rows.delete(key);
  }

  async close(): Promise<void> {
    // The rows stay, so that the same object can serve the next start.
  }
}
