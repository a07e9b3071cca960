import { ValueWriter } from '../value/msgpack.js';
import type { StoredRow } from './events.js';
import { ByteReader } from './reader.js';

/** Rows to put and names to delete, as one step. */
export interface RowChanges {
  readonly puts: readonly StoredRow[];
  readonly deletes: readonly string[];
}

const utf8 = new TextEncoder();

/** The bytes of a transaction: those of a `persist` event without the transaction's number. */
export function encodeChanges({ puts, deletes }: RowChanges): Uint8Array<ArrayBuffer> {
  const writer = new ValueWriter();
  varint(writer, puts.length);
  for (const { key, value } of puts) {
    blob(writer, utf8.encode(key));
    blob(writer, value);
  }
  varint(writer, deletes.length);
  for (const key of deletes) blob(writer, utf8.encode(key));
  return take(writer);
}

/** What `encodeChanges` wrote. The values borrow from `bytes`. */
export function decodeChanges(bytes: Uint8Array): { puts: StoredRow[]; deletes: string[] } {
  const reader = new ByteReader(bytes);
  const puts: StoredRow[] = [];
  for (let n = reader.varint(); n > 0; n--) puts.push({ key: reader.text(), value: reader.blob() });
  const deletes: string[] = [];
  for (let n = reader.varint(); n > 0; n--) deletes.push(reader.text());
  return { puts, deletes };
}

/** Rows back to back. */
export function encodeRows(rows: readonly StoredRow[]): Uint8Array<ArrayBuffer> {
  const writer = new ValueWriter();
  for (const { key, value } of rows) {
    blob(writer, utf8.encode(key));
    blob(writer, value);
  }
  return take(writer);
}

/** Rows back to back, up to the end. The values are copies. */
export function decodeRows(bytes: Uint8Array): StoredRow[] {
  const reader = new ByteReader(bytes);
  const rows: StoredRow[] = [];
  while (!reader.done) rows.push({ key: reader.text(), value: reader.blob().slice() });
  return rows;
}

function blob(writer: ValueWriter, bytes: Uint8Array): void {
  varint(writer, bytes.length);
  writer.reserve(bytes.length);
  writer.bytes.set(bytes, writer.size);
  writer.size += bytes.length;
}

function varint(writer: ValueWriter, value: number): void {
  writer.reserve(10);
  let rest = value;
  for (; rest >= 0x80; rest = Math.floor(rest / 128)) {
    writer.bytes[writer.size++] = (rest % 128) | 0x80;
  }
  writer.bytes[writer.size++] = rest;
}

/** A copy in a buffer of its own, which may be transferred. */
function take(writer: ValueWriter): Uint8Array<ArrayBuffer> {
  return new Uint8Array(writer.bytes.subarray(0, writer.size));
}
