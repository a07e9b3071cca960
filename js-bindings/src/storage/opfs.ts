import { decodeRows, encodeChanges } from '../bindings/rows.js';
import { ErrorCode, TopGunError, errorFromCode } from '../errors.js';
import type {
  Persistence,
  StorageAdapter,
  StorageEvents,
  StorageTransaction,
  StoredRow,
} from './adapter.js';
import type { OpfsReply, OpfsRequest } from './opfs-protocol.js';
import { acquireLock, hasLocks } from './web-lock.js';

export interface OpfsOptions {
  /** Name of the store; clients with the same name on one origin share a replica. */
  readonly name?: string;
  /** The worker that holds the files, if your bundler does not find it by itself. */
  readonly worker?: () => Worker;
}

/**
 * Rows in a SQLite file of the origin private file system, for browsers. The file is held by a worker
 * of its own; the page needs no special headers. Takes the optional package `@sqlite.org/sqlite-wasm`,
 * which is about 400 KB to load: worth it for large replicas, otherwise IndexedDB does.
 *
 * @example
 * ```ts
 * import { TopGunClient } from 'topgun';
 * import { opfsStorage } from 'topgun/storage/opfs';
 *
 * const client = new TopGunClient({ storage: opfsStorage({ name: 'my-app' }) });
 * ```
 */
export function opfsStorage(options: OpfsOptions = {}): StorageAdapter {
  return new OpfsStorage(options.name ?? 'topgun', options.worker ?? startWorker);
}

function startWorker(): Worker {
  return new Worker(new URL('./opfs-worker.js', import.meta.url), { type: 'module' });
}

function lockOf(name: string): string {
  return `topgun:opfs:${name}`;
}

class OpfsStorage implements StorageAdapter {
  readonly lockName: string | undefined;
  private readonly name: string;
  private readonly start: () => Worker;
  private worker: Worker | undefined;
  private release: (() => void) | undefined;
  private calls = 0;
  private readonly waiting = new Map<number, (reply: OpfsReply) => void>();

  constructor(name: string, start: () => Worker) {
    this.name = name;
    this.lockName = hasLocks() ? lockOf(name) : undefined;
    this.start = start;
  }

  async open(events: StorageEvents): Promise<Persistence> {
    this.release = await acquireLock(lockOf(this.name), () => events.waiting());
    const worker = this.start();
    worker.onmessage = ({ data }: MessageEvent<OpfsReply>) => {
      this.waiting.get(data.id)?.(data);
      this.waiting.delete(data.id);
    };
    worker.onerror = (event) => {
      event.preventDefault();
      const error = new TopGunError(ErrorCode.StorageIo, `the OPFS worker: ${event.message}`);
      for (const [id, settle] of this.waiting) settle({ id, error: error.code, detail: error.message });
      this.waiting.clear();
      events.lost(error);
    };
    this.worker = worker;
    await this.call({ type: 'open', name: this.name });
    const durable = await navigator.storage.persist().catch(() => false);
    return durable ? 'durable' : 'best-effort';
  }

  async load(): Promise<StoredRow[]> {
    return decodeRows(await this.call({ type: 'load' }));
  }

  async transact(transaction: StorageTransaction): Promise<void> {
    await this.call({ type: 'transact', changes: encodeChanges(transaction) });
  }

  async close(): Promise<void> {
    if (this.worker !== undefined) await this.call({ type: 'close' }).catch(() => undefined);
    this.worker?.terminate();
    this.worker = undefined;
    this.release?.();
  }

  private call(request: OpfsRequest): Promise<Uint8Array> {
    const { worker } = this;
    if (worker === undefined) {
      return Promise.reject(new TopGunError(ErrorCode.NotReady, 'the store is not open'));
    }
    return new Promise((resolve, reject) => {
      const id = ++this.calls;
      this.waiting.set(id, (reply) => {
        if ('error' in reply) reject(errorFromCode(reply.error, reply.detail));
        else resolve(reply.bytes);
      });
      const transfer = request.type === 'transact' ? [request.changes.buffer] : [];
      worker.postMessage({ id, request }, transfer);
    });
  }
}
