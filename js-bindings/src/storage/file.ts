import { ByteReader } from '../bindings/reader.js';
import { decodeChanges, encodeChanges } from '../bindings/rows.js';
import { ErrorCode, TopGunError } from '../errors.js';
import type {
  Persistence,
  StorageAdapter,
  StorageEvents,
  StorageTransaction,
  StoredRow,
} from './adapter.js';
import { crc32 } from './crc32.js';
import { lockFile } from './lock-file.js';

type FileHandle = import('node:fs/promises').FileHandle;

/** `TGR1`: rows, format 1. */
const MAGIC = Uint8Array.of(0x54, 0x47, 0x52, 0x31);
const HEAD_BYTES = 8;
/** The file is rewritten when it is this much larger than the rows it holds. */
const GARBAGE_FACTOR = 3;
const GARBAGE_BYTES = 1 << 20;

/**
 * Rows in one append-only file:
 *
 *     file        := "TGR1" transaction*
 *     transaction := u32 size, u32 CRC-32 of the changes, changes (as `encodeChanges` writes them)
 *
 * A transaction is acknowledged after the file was synced. A crash can leave a torn transaction at
 * the end, which is cut off: it was never acknowledged. Damage before the end is reported and nothing
 * is cut. When most of the file is outdated it is rewritten beside itself and renamed.
 */
export class FileStorage implements StorageAdapter {
  private readonly path: string;
  private file: FileHandle | undefined;
  private size = 0;
  /** What each row weighs in a fresh file. */
  private readonly rowBytes = new Map<string, number>();
  private liveBytes = 0;
  private unlock: (() => Promise<void>) | undefined;
  private failed: TopGunError | undefined;

  constructor(path: string) {
    this.path = path;
  }

  async open(events: StorageEvents): Promise<Persistence> {
    this.unlock = await lockFile(`${this.path}.lock`, events);
    this.failed = undefined;
    try {
      await this.openFile();
    } catch (error) {
      await this.close();
      throw storageError(error);
    }
    return 'durable';
  }

  async load(): Promise<StoredRow[]> {
    const rows = await this.read();
    this.rowBytes.clear();
    this.liveBytes = 0;
    for (const [key, value] of rows) this.weigh(key, value.length);
    return Array.from(rows, ([key, value]) => ({ key, value: value.slice() }));
  }

  async transact(transaction: StorageTransaction): Promise<void> {
    // After a failed sync nobody knows what the disk holds, and a second one may wrongly succeed.
    if (this.failed !== undefined) throw this.failed;
    await this.append(transaction);
    for (const { key, value } of transaction.puts) this.weigh(key, value.length);
    for (const key of transaction.deletes) this.weigh(key, undefined);
    if (this.size > this.liveBytes * GARBAGE_FACTOR + GARBAGE_BYTES) await this.rewrite();
  }

  async close(): Promise<void> {
    await this.file?.close();
    this.file = undefined;
    await this.unlock?.();
    this.unlock = undefined;
  }

  private async openFile(): Promise<void> {
    const { open } = process.getBuiltinModule('node:fs/promises');
    // Not opened for appending: a torn transaction is overwritten where it starts.
    this.file = await open(this.path, 'r+').catch(() => open(this.path, 'w+'));
    this.size = (await this.file.stat()).size;
    if (this.size >= MAGIC.length) return;
    await writeAll(this.file, MAGIC, 0);
    await this.file.datasync();
    await syncDirectory(this.path);
    this.size = MAGIC.length;
  }

  private opened(): FileHandle {
    if (this.file === undefined) throw new TopGunError(ErrorCode.NotReady, 'the store is not open');
    return this.file;
  }

  /** All rows. Cuts off a torn transaction at the end. */
  private async read(): Promise<Map<string, Uint8Array>> {
    const { readFile } = process.getBuiltinModule('node:fs/promises');
    const bytes = await readFile(this.path).catch((error: unknown) => {
      throw storageError(error);
    });
    if (!MAGIC.every((byte, index) => bytes[index] === byte)) throw corrupt(this.path, 0);
    const rows = new Map<string, Uint8Array>();
    let at = MAGIC.length;
    for (let end = at; at < bytes.length; at = end) {
      const changes = readTransaction(bytes, at);
      if (changes === undefined) {
        if (!isTorn(bytes, at)) throw corrupt(this.path, at);
        await this.opened().truncate(at);
        break;
      }
      const { puts, deletes } = decodeChanges(changes);
      for (const { key, value } of puts) rows.set(key, value);
      for (const key of deletes) rows.delete(key);
      end = at + HEAD_BYTES + changes.length;
    }
    this.size = at;
    return rows;
  }

  private async append(transaction: StorageTransaction): Promise<void> {
    const block = frame(encodeChanges(transaction));
    const file = this.opened();
    try {
      await writeAll(file, block, this.size);
    } catch (error) {
      await file.truncate(this.size).catch(() => undefined);
      throw storageError(error);
    }
    try {
      await file.datasync();
    } catch (error) {
      throw (this.failed = storageError(error));
    }
    this.size += block.length;
  }

  /** Replaces the file by one that holds each row once. What fails here leaves the old one in use. */
  private async rewrite(): Promise<void> {
    const { open, rename } = process.getBuiltinModule('node:fs/promises');
    const rows = await this.read();
    const puts = Array.from(rows, ([key, value]) => ({ key, value }));
    const block = frame(encodeChanges({ puts, deletes: [] }));
    const fresh = await open(`${this.path}.new`, 'w+');
    try {
      await writeAll(fresh, MAGIC, 0);
      await writeAll(fresh, block, MAGIC.length);
      await fresh.datasync();
      await rename(`${this.path}.new`, this.path);
      await syncDirectory(this.path);
    } catch {
      // The rows are safe in the old file; the next transaction tries again.
      return fresh.close();
    }
    await this.file?.close();
    this.file = fresh;
    this.size = MAGIC.length + block.length;
  }

  private weigh(key: string, valueBytes: number | undefined): void {
    this.liveBytes -= this.rowBytes.get(key) ?? 0;
    if (valueBytes === undefined) {
      this.rowBytes.delete(key);
      return;
    }
    const bytes = valueBytes + key.length + 8;
    this.rowBytes.set(key, bytes);
    this.liveBytes += bytes;
  }
}

function frame(changes: Uint8Array): Uint8Array {
  const block = new Uint8Array(HEAD_BYTES + changes.length);
  const head = new DataView(block.buffer);
  head.setUint32(0, changes.length, true);
  head.setUint32(4, crc32(changes), true);
  block.set(changes, HEAD_BYTES);
  return block;
}

/** The changes of the transaction at `at`; nothing if it is not whole. */
function readTransaction(bytes: Uint8Array, at: number): Uint8Array | undefined {
  if (bytes.length - at < HEAD_BYTES) return undefined;
  const head = new ByteReader(bytes, at);
  const size = head.u32();
  const checksum = head.u32();
  if (size > bytes.length - head.offset) return undefined;
  const changes = head.raw(size);
  return crc32(changes) === checksum ? changes : undefined;
}

/** True if what starts at `at` can only be the last write, cut short by a crash. */
function isTorn(bytes: Uint8Array, at: number): boolean {
  if (bytes.length - at < HEAD_BYTES) return true;
  const end = at + HEAD_BYTES + new ByteReader(bytes, at).u32();
  if (end < bytes.length) return false;
  // A damaged length could swallow whole transactions behind it; none may be there.
  for (let next = at + HEAD_BYTES; next + HEAD_BYTES < bytes.length; next++) {
    const size = new ByteReader(bytes, next).u32();
    if (next + HEAD_BYTES + size === bytes.length && readTransaction(bytes, next)) return false;
  }
  return true;
}

/** Writes all of `bytes`: a single write may take only a part. */
async function writeAll(file: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const { bytesWritten } = await file.write(bytes, done, bytes.length - done, position + done);
    done += bytesWritten;
  }
}

/** A new name is only safe when its directory is synced. */
async function syncDirectory(path: string): Promise<void> {
  const { open } = process.getBuiltinModule('node:fs/promises');
  const { dirname } = process.getBuiltinModule('node:path');
  // Windows cannot open directories, and does not need it.
  const directory = await open(dirname(path), 'r').catch(() => undefined);
  await directory?.sync().finally(() => directory.close());
}

function corrupt(path: string, at: number): TopGunError {
  return new TopGunError(ErrorCode.StorageCorrupt, `${path} is damaged at byte ${at}`);
}

function storageError(cause: unknown): TopGunError {
  if (cause instanceof TopGunError) return cause;
  const { code, message } = cause as NodeJS.ErrnoException;
  const full = code === 'ENOSPC' || code === 'EDQUOT';
  return new TopGunError(full ? ErrorCode.StorageFull : ErrorCode.StorageIo, message, { cause });
}
