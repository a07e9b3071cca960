import { ErrorCode, TopGunError } from '../errors.js';
import { ByteReader } from './reader.js';

/** An encoded MessagePack value inside the bytes of a poll. */
export interface EncodedValue {
  readonly bytes: Uint8Array;
  readonly offset: number;
  readonly length: number;
}

/** One stored row: a name and bytes that only the engine understands. */
export interface StoredRow {
  readonly key: string;
  readonly value: Uint8Array;
}

/** What the engine reports or asks for: the events of `docs/engine-protocol.md`. */
export type EngineEvent =
  | EntryEvent
  | ElementEvent
  | CounterEvent
  | { readonly type: 'map-loaded'; readonly map: number }
  | { readonly type: 'map-synced'; readonly map: number }
  | { readonly type: 'connect' }
  | { readonly type: 'disconnect' }
  | { readonly type: 'send'; readonly frame: Uint8Array }
  | PersistEvent
  | ExchangeEvent
  | { readonly type: 'cancel-exchange'; readonly exchange: number }
  | { readonly type: 'wake'; readonly atMs: number }
  | { readonly type: 'status'; readonly status: number }
  | { readonly type: 'ack'; readonly level: number; readonly sequence: number }
  | RejectedEvent
  | { readonly type: 'error'; readonly code: number; readonly detail: string }
  | { readonly type: 'replica-replaced'; readonly former: bigint; readonly replica: bigint }
  | QueryEvent;

/** What events about one key of a map have in common. */
interface KeyEvent {
  readonly map: number;
  readonly key: string;
  /** Reports a local write, for those who read along: our own mirror shows it. */
  readonly written: boolean;
}

/** `value` is absent when the entry is. */
export interface EntryEvent extends KeyEvent {
  readonly type: 'entry';
  readonly expiresAtMs: number;
  readonly value: EncodedValue | undefined;
}

export interface ElementEvent extends KeyEvent {
  readonly type: 'element';
  readonly tag: string;
  readonly expiresAtMs: number;
  readonly value: EncodedValue | undefined;
}

export interface CounterEvent extends KeyEvent {
  readonly type: 'counter';
  readonly value: bigint;
}

/** The values of the rows are borrowed. */
export interface PersistEvent {
  readonly type: 'persist';
  readonly transaction: number;
  readonly puts: readonly StoredRow[];
  readonly deletes: readonly string[];
}

/** A request to be answered, over a transport that carries exchanges. */
export interface ExchangeEvent {
  readonly type: 'exchange';
  readonly exchange: number;
  /** The answer is held back until there is news, and may come as a stream. */
  readonly waits: boolean;
  /** After this long without a word of the answer, the engine gives the transport up. */
  readonly timeoutMs: number;
  readonly request: Uint8Array<ArrayBuffer>;
}

/** About queries and indexes, for those who read queries. The payload is borrowed. */
export interface QueryEvent {
  readonly type: 'query';
  readonly code: number;
  readonly payload: ByteReader;
}

export interface RejectedEvent {
  readonly type: 'rejected';
  readonly sequence: number;
  readonly code: number;
  readonly map: number;
  readonly key: string;
  readonly detail: string;
}

/**
 * Calls `visit` with each event of a poll, in order, and with where its bytes lie. Values borrow from
 * `events`.
 */
export function readEvents(
  events: Uint8Array,
  visit: (event: EngineEvent, start: number, end: number) => void,
): void {
  const reader = new ByteReader(events);
  while (!reader.done) {
    const start = reader.offset;
    const size = reader.u32();
    const end = reader.offset + size;
    const event = readEvent(reader, end);
    if (event !== undefined) visit(event, start, end);
    reader.offset = end;
  }
}

/** The event that ends at `end`; nothing for a code of a later version, which may be skipped. */
function readEvent(reader: ByteReader, end: number): EngineEvent | undefined {
  const code = reader.u8();
  switch (code) {
    case 1:
    case 6:
      return {
        type: 'entry',
        map: reader.varint(),
        key: reader.text(),
        written: code === 6,
        ...readState(reader, end),
      };
    case 2:
    case 7:
      return {
        type: 'element',
        map: reader.varint(),
        key: reader.text(),
        written: code === 7,
        tag: readTag(reader),
        ...readState(reader, end),
      };
    case 3:
    case 8:
      return {
        type: 'counter',
        map: reader.varint(),
        key: reader.text(),
        written: code === 8,
        value: BigInt.asIntN(64, reader.bigU64()),
      };
    case 4:
      return { type: 'map-loaded', map: reader.varint() };
    case 5:
      return { type: 'map-synced', map: reader.varint() };
    case 10:
      return { type: 'connect' };
    case 11:
      return { type: 'disconnect' };
    case 12:
      // A copy: a socket may send it later.
      return { type: 'send', frame: reader.raw(end - reader.offset).slice() };
    case 13:
      return readPersist(reader);
    case 14:
      return { type: 'wake', atMs: reader.u64() };
    case 15:
      return {
        type: 'exchange',
        exchange: reader.varint(),
        waits: (reader.u8() & 1) !== 0,
        timeoutMs: reader.varint(),
        // A copy, as above.
        request: new Uint8Array(reader.raw(end - reader.offset)),
      };
    case 16:
      return { type: 'cancel-exchange', exchange: reader.varint() };
    case 20:
      return { type: 'status', status: reader.u8() };
    case 21:
      return { type: 'ack', level: reader.u8(), sequence: reader.varint() };
    case 22:
      return {
        type: 'rejected',
        sequence: reader.varint(),
        code: reader.u16(),
        map: reader.varint(),
        key: reader.text(),
        detail: reader.text(),
      };
    case 23:
      return { type: 'error', code: reader.u16(), detail: reader.text() };
    case 24:
      return { type: 'replica-replaced', former: reader.bigU64(), replica: reader.bigU64() };
    default:
      if (code < 30 || code > 39) return undefined;
      return { type: 'query', code, payload: new ByteReader(reader.bytes, reader.offset, end) };
  }
}

function readState(
  reader: ByteReader,
  end: number,
): { expiresAtMs: number; value: EncodedValue | undefined } {
  const present = reader.u8() !== 0;
  const expiresAtMs = reader.u64();
  if (!present) return { expiresAtMs, value: undefined };
  const offset = reader.offset;
  if (offset >= end) throw new TopGunError(ErrorCode.Internal, 'an entry event without its value');
  return { expiresAtMs, value: { bytes: reader.bytes, offset, length: end - offset } };
}

/** A tag as text, to serve as a key: two are equal when their bytes are. */
export function readTag(reader: ByteReader): string {
  return `${reader.bigU64().toString(16)}-${reader.bigU64().toString(16)}`;
}

function readPersist(reader: ByteReader): PersistEvent {
  const transaction = reader.varint();
  const puts: StoredRow[] = [];
  for (let n = reader.varint(); n > 0; n--) puts.push({ key: reader.text(), value: reader.blob() });
  const deletes: string[] = [];
  for (let n = reader.varint(); n > 0; n--) deletes.push(reader.text());
  return { type: 'persist', transaction, puts, deletes };
}
