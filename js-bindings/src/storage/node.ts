import { addonError, type Addon, type NativeRowStore } from '../bindings/native.js';
import { decodeRows, encodeChanges } from '../bindings/rows.js';
import { ErrorCode, TopGunError } from '../errors.js';
import { loadAddon } from '../loader/node.js';
import type {
  Persistence,
  StorageAdapter,
  StorageEvents,
  StorageTransaction,
  StoredRow,
} from './adapter.js';
import { FileStorage } from './file.js';

const RETRY_MS = 250;

/**
 * Rows in a directory, for Node: in SQLite where the addon is there for this machine, otherwise in
 * an append-only file. Which of the two it is was decided when the directory was first used. One
 * client at a time holds a directory; another one waits in `start`, with the status `waiting`.
 *
 * @example
 * ```ts
 * import { TopGunClient } from 'topgun';
 * import { nodeStorage } from 'topgun/storage/node';
 *
 * const client = new TopGunClient({ storage: nodeStorage('./data/replica') });
 * await client.start();
 * console.log(client.persistence); // durable
 * await client.close();
 * ```
 */
export function nodeStorage(directory: string): StorageAdapter {
  return new NodeStorage(directory);
}

/** Rows in a SQLite file, through the addon. Fails to open where there is none. */
export function sqliteStorage(path: string): StorageAdapter {
  return new SqliteStorage(path, loadAddon(import.meta.url));
}

/** Rows in an append-only file with checksums, synced at every transaction. */
export function fileStorage(path: string): StorageAdapter {
  return new FileStorage(path);
}

class NodeStorage implements StorageAdapter {
  private readonly directory: string;
  private inner: StorageAdapter | undefined;

  constructor(directory: string) {
    this.directory = directory;
  }

  async open(events: StorageEvents): Promise<Persistence> {
    const { mkdir, access } = process.getBuiltinModule('node:fs/promises');
    const { join } = process.getBuiltinModule('node:path');
    await mkdir(this.directory, { recursive: true });
    const sqlitePath = join(this.directory, 'rows.sqlite');
    const filePath = join(this.directory, 'rows.log');
    const exists = (path: string): Promise<boolean> => access(path).then(() => true, () => false);
    const addon = (await exists(filePath)) ? undefined : usableAddon();
    if (addon === undefined && (await exists(sqlitePath))) {
      const detail = `${sqlitePath} needs the addon, which is not there for this machine`;
      throw new TopGunError(ErrorCode.NotReady, detail);
    }
    this.inner = addon ? new SqliteStorage(sqlitePath, addon) : new FileStorage(filePath);
    return this.inner.open(events);
  }

  load(): Promise<StoredRow[]> {
    return this.opened().load();
  }

  transact(transaction: StorageTransaction): Promise<void> {
    return this.opened().transact(transaction);
  }

  async close(): Promise<void> {
    await this.inner?.close();
  }

  private opened(): StorageAdapter {
    if (this.inner === undefined) throw new TopGunError(ErrorCode.NotReady, 'the store is not open');
    return this.inner;
  }
}

function usableAddon(): Addon | undefined {
  if (process.env['TOPGUN_CORE'] === 'wasm') return undefined;
  try {
    return loadAddon(import.meta.url);
  } catch {
    return undefined;
  }
}

class SqliteStorage implements StorageAdapter {
  private readonly path: string;
  private readonly addon: Addon;
  private store: NativeRowStore | undefined;

  constructor(path: string, addon: Addon) {
    this.path = path;
    this.addon = addon;
  }

  async open(events: StorageEvents): Promise<Persistence> {
    for (let attempt = 0; this.store === undefined; attempt++) {
      if (attempt === 1) events.waiting();
      if (attempt > 0) await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      this.store = this.tryOpen();
    }
    return 'durable';
  }

  async load(): Promise<StoredRow[]> {
    try {
      return decodeRows(await this.opened().load());
    } catch (error) {
      throw addonError(error);
    }
  }

  async transact(transaction: StorageTransaction): Promise<void> {
    try {
      await this.opened().transact(encodeChanges(transaction));
    } catch (error) {
      throw addonError(error);
    }
  }

  async close(): Promise<void> {
    this.store?.close();
    this.store = undefined;
  }

  /** The open file, or nothing while another process holds it. */
  private tryOpen(): NativeRowStore | undefined {
    try {
      return new this.addon.RowStore(this.path);
    } catch (error) {
      const refused = addonError(error);
      if (refused.code === ErrorCode.NotReady) return undefined;
      throw refused;
    }
  }

  private opened(): NativeRowStore {
    if (this.store === undefined) throw new TopGunError(ErrorCode.NotReady, 'the store is not open');
    return this.store;
  }
}
