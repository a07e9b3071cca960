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

/** Rows lie side by side in blocks of this size: memory of its own costs each more than what is in it. */
const BLOCK_BYTES = 64 * 1024;

class MemoryStorage implements StorageAdapter {
  readonly storesAtOnce = true;
  private block = new Uint8Array(0);
  private used = 0;
  private readonly rows = new Map<string, Uint8Array>();

  async open(): Promise<Persistence> {
    return 'memory';
  }

  async load(): Promise<StoredRow[]> {
    return Array.from(this.rows, ([key, value]) => ({ key, value }));
  }

  async transact({ puts, deletes }: StorageTransaction): Promise<void> {
    for (const { key, value } of puts) this.rows.set(key, this.copyOf(value));
    for (const key of deletes) this.rows.delete(key);
  }

  async close(): Promise<void> {
    // The rows stay, so that the same object can serve the next start.
  }

  private copyOf(value: Uint8Array): Uint8Array {
    const { length } = value;
    if (length > BLOCK_BYTES / 8) return value.slice();
    if (length > this.block.length - this.used) {
      this.block = new Uint8Array(BLOCK_BYTES);
      this.used = 0;
    }
    const copy = this.block.subarray(this.used, (this.used += length));
    copy.set(value);
    return copy;
  }
}
