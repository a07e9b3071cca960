import sqlite3InitModule, { type OpfsSAHPoolDatabase } from '@sqlite.org/sqlite-wasm';
import { decodeChanges, encodeRows } from '../bindings/rows.js';
import { ErrorCode } from '../errors.js';
import type { OpfsMessage, OpfsReply, OpfsRequest } from './opfs-protocol.js';

/** The worker behind `opfsStorage`: the files of OPFS can be written synchronously only in one. */

const NO_BYTES = new Uint8Array(0);
let database: OpfsSAHPoolDatabase | undefined;
/** Requests run one after the other, though opening is asynchronous. */
let last: Promise<void> = Promise.resolve();

globalThis.onmessage = ({ data: { id, request } }: MessageEvent<OpfsMessage>) => {
  last = last.then(async () => {
    const reply = await run(request).then(
      (bytes): OpfsReply => ({ id, bytes }),
      (error: unknown): OpfsReply => ({ id, ...describe(error) }),
    );
    postMessage(reply);
  });
};

async function run(request: OpfsRequest): Promise<Uint8Array<ArrayBuffer>> {
  switch (request.type) {
    case 'open':
      database = await open(request.name);
      return NO_BYTES;
    case 'load':
      return encodeRows(
        (opened().selectArrays('SELECT name, value FROM rows') as [string, Uint8Array][]).map(
          ([key, value]) => ({ key, value }),
        ),
      );
    case 'transact':
      transact(request.changes);
      return NO_BYTES;
    case 'close':
      database?.close();
      database = undefined;
      return NO_BYTES;
  }
}

async function open(name: string): Promise<OpfsSAHPoolDatabase> {
  const sqlite3 = await sqlite3InitModule();
  const pool = await sqlite3.installOpfsSAHPoolVfs({
    name: `topgun-${name}`,
    directory: `/topgun/${encodeURIComponent(name)}`,
  });
  const opening = new pool.OpfsSAHPoolDb('/rows.sqlite');
  opening.exec(
    'PRAGMA locking_mode=EXCLUSIVE; PRAGMA synchronous=FULL;' +
      'CREATE TABLE IF NOT EXISTS rows(name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;',
  );
  return opening;
}

function transact(changes: Uint8Array): void {
  const { puts, deletes } = decodeChanges(changes);
  opened().transaction((db) => {
    const put = db.prepare('INSERT OR REPLACE INTO rows(name, value) VALUES(?1, ?2)');
    const erase = db.prepare('DELETE FROM rows WHERE name = ?1');
    try {
      for (const { key, value } of puts) put.bind([key, value]).stepReset();
      for (const key of deletes) erase.bind([key]).stepReset();
    } finally {
      put.finalize();
      erase.finalize();
    }
  });
}

function opened(): OpfsSAHPoolDatabase {
  if (database === undefined) throw new Error('the store is not open');
  return database;
}

function describe(error: unknown): { error: number; detail: string } {
  const { name, message, resultCode } = error as Error & { resultCode?: number };
  // SQLITE_FULL and SQLITE_CORRUPT, SQLITE_NOTADB.
  if (name === 'QuotaExceededError' || resultCode === 13) {
    return { error: ErrorCode.StorageFull, detail: message };
  }
  const corrupt = resultCode === 11 || resultCode === 26;
  return { error: corrupt ? ErrorCode.StorageCorrupt : ErrorCode.StorageIo, detail: message };
}
