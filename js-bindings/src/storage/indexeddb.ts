import { ErrorCode, TopGunError } from '../errors.js';
import type {
  Persistence,
  StorageAdapter,
  StorageEvents,
  StorageTransaction,
  StoredRow,
} from './adapter.js';
import { acquireLock, hasLocks } from './web-lock.js';

export interface IndexedDbOptions {
  /** Name of the database; clients with the same name on one origin share a replica. */
  readonly name?: string;
}

const STORE = 'rows';
/** Proves, at each start, that the database is the one that was written before. */
const VERSION = 1;

/**
 * Rows in IndexedDB: the default in browsers. A transaction of the engine is one transaction of the
 * database, committed with strict durability. Tabs that use the same name share one replica: one of
 * them holds the database, and the others follow it.
 *
 * @example
 * ```ts
 * import { TopGunClient } from 'topgun';
 * import { indexedDbStorage } from 'topgun/storage/indexeddb';
 *
 * const client = new TopGunClient({ storage: indexedDbStorage({ name: 'my-app' }) });
 * ```
 */
export function indexedDbStorage(options: IndexedDbOptions = {}): StorageAdapter {
  return new IndexedDbStorage(options.name ?? 'topgun');
}

function lockOf(name: string): string {
  return `topgun:${name}`;
}

class IndexedDbStorage implements StorageAdapter {
  readonly lockName: string | undefined;
  private readonly name: string;
  private database: IDBDatabase | undefined;
  private events: StorageEvents | undefined;
  private release: (() => void) | undefined;
  private closed = false;

  constructor(name: string) {
    this.name = name;
    this.lockName = hasLocks() ? lockOf(name) : undefined;
  }

  async open(events: StorageEvents): Promise<Persistence> {
    this.events = events;
    this.closed = false;
    this.release = await acquireLock(lockOf(this.name), () => events.waiting());
    this.database = await this.connect();
    return persistence();
  }

  async load(): Promise<StoredRow[]> {
    const store = this.connected().transaction(STORE, 'readonly').objectStore(STORE);
    const [keys, values] = await Promise.all([
      settled(store.getAllKeys()),
      settled(store.getAll() as IDBRequest<Uint8Array[]>),
    ]);
    return keys.map((key, index) => ({ key: String(key), value: values[index]! }));
  }

  async transact({ puts, deletes }: StorageTransaction): Promise<void> {
    // A database that the browser closed in the background can be opened again.
    this.database ??= await this.connect();
    const transaction = this.connected().transaction(STORE, 'readwrite', { durability: 'strict' });
    const store = transaction.objectStore(STORE);
    const done = new Promise<void>((resolve, reject) => {
      transaction.oncomplete = () => resolve();
      transaction.onerror = transaction.onabort = () => reject(storageError(transaction.error));
    });
    for (const { key, value } of puts) store.put(value, key);
    for (const key of deletes) store.delete(key);
    transaction.commit();
    await done;
  }

  async close(): Promise<void> {
    this.closed = true;
    this.database?.close();
    this.database = undefined;
    this.release?.();
  }

  private connected(): IDBDatabase {
    if (this.database === undefined) throw new TopGunError(ErrorCode.StorageIo, 'not open');
    return this.database;
  }

  private async connect(): Promise<IDBDatabase> {
    if (this.closed) throw new TopGunError(ErrorCode.Closed);
    const request = indexedDB.open(this.name, VERSION);
    request.onupgradeneeded = () => request.result.createObjectStore(STORE);
    const database = await settled(request);
    // Someone deletes or upgrades the database: holding on would block them for ever.
    database.onversionchange = () => {
      this.lose(database, ErrorCode.StorageWiped, 'the database is being deleted');
    };
    // Fired when the browser closes it by force, because the user cleared the site's data.
    database.onclose = () => this.lose(database, ErrorCode.StorageWiped, 'the database was closed');
    return database;
  }

  private lose(database: IDBDatabase, code: ErrorCode, detail: string): void {
    if (this.database !== database) return;
    database.close();
    this.database = undefined;
    if (!this.closed) this.events?.lost(new TopGunError(code, detail));
  }
}

/** Asks the browser not to evict what we store; it may decline. */
async function persistence(): Promise<Persistence> {
  try {
    return (await navigator.storage.persist()) ? 'durable' : 'best-effort';
  } catch {
    return 'best-effort';
  }
}

function settled<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(storageError(request.error));
  });
}

function storageError(cause: DOMException | null): TopGunError {
  const full = cause?.name === 'QuotaExceededError';
  const code = full ? ErrorCode.StorageFull : ErrorCode.StorageIo;
  return new TopGunError(code, cause?.message ?? 'the transaction was aborted', { cause });
}
