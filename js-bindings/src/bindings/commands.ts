import { ErrorCode, TopGunError, errorFromCode } from '../errors.js';
import { ValueError, encodeValue } from '../value/msgpack.js';
import { ByteWriter } from './byte-writer.js';
import { ENGINE_PROTOCOL_VERSION } from './engine.js';
import { ByteReader } from './reader.js';

/** The commands of `docs/engine-protocol.md`. Their names need not be in what pages download. */
export const enum Command {
  Open = 1,
  LoadRow = 2,
  Start = 3,
  OpenMap = 10,
  Set = 11,
  Remove = 12,
  OrAdd = 13,
  OrRemove = 14,
  CounterAdd = 15,
  Root = 16,
  LastSequence = 17,
  Unsubscribe = 18,
  TransportOpened = 20,
  TransportFrame = 21,
  TransportClosed = 22,
  Tick = 23,
  SetOnline = 24,
  SetToken = 25,
  ExchangePart = 26,
  ExchangeDone = 27,
  SetPolling = 28,
  Refresh = 29,
  Persisted = 30,
  Relay = 40,
  TabCursor = 41,
  ForgetTab = 42,
  Watch = 43,
  ExportState = 44,
  Mirror = 45,
  Query = 50,
  SubscribeQuery = 51,
  UnsubscribeQuery = 52,
  ExplainQuery = 53,
  AddIndex = 54,
  DropIndex = 55,
  Indexes = 56,
  DefineView = 57,
  DropView = 58,
  ForgetRows = 59,
  AskNode = 60,
  EndAsk = 61,
}

/** The kinds of map, as everywhere in the protocols. */
export const MapKind = { Lww: 1, Or: 2, Counter: 3 } as const;
export type MapKind = (typeof MapKind)[keyof typeof MapKind];

/** What a host opens: frames both ways, or requests that are answered. */
export const TransportKind = { Stream: 0, Exchanges: 1 } as const;
export type TransportKind = (typeof TransportKind)[keyof typeof TransportKind];

/** When rows that the engine hands out are stored; it hands out none for `Never`, and waits for no word of it `AtOnce`. */
export const enum Stores {
  Later = 0,
  Never = 1,
  AtOnce = 2,
}

/** How changes are asked for over exchanges. Milliseconds. */
export interface Polling {
  /** How long an answer may be held back until there is news; 0 = not at all. */
  readonly waitMs: number;
  /** Pause between two questions after news and own writes; it doubles while nothing happens. */
  readonly minMs: number;
  /** Where the doubling ends; 0 = nothing is asked unless there is another reason to. */
  readonly maxMs: number;
}

export const KEY_BYTES_MAX = 1024;
export const MAP_NAME_BYTES_MAX = 256;
/** Bytes of one encoded value. */
export const VALUE_BYTES_MAX = 512 * 1024;

/** Bytes of a tab's id. */
export const TAB_BYTES = 16;

const HEADER_BYTES = 1 + 8 + 8;

/** What the core needs to know about time; the host reads it, the core never does. */
export interface Now {
  readonly wallMs: number;
  readonly monotonicMs: number;
}

/** Where a write goes: the map's handle and the key. */
export interface WriteTarget {
  readonly code: Command;
  readonly map: number;
  readonly key: string;
  /** It is executed for a tab, whose mirror has it; the engine reports it to ours. */
  readonly relayed: boolean;
}

/**
 * One request under construction, in a buffer that is reused from request to request. A command that
 * cannot be encoded throws a TopGunError and leaves the request as it was.
 */
export class CommandBuffer extends ByteWriter {
  /** Commands in the request so far. */
  count = 0;

  constructor(capacity = 96 * 1024) {
    super(capacity);
    this.writer.size = HEADER_BYTES;
  }

  /** Bytes of the request so far. */
  get size(): number {
    return this.writer.size;
  }

  get empty(): boolean {
    return this.count === 0;
  }

  open(seed: Uint8Array, replica: bigint, outboxMax: number, stores: Stores = Stores.Later): void {
    const start = this.begin(Command.Open);
    this.raw(seed);
    this.bigU64(replica);
    this.varint(outboxMax);
    if (stores !== Stores.Later) this.u8(stores);
    this.finish(start);
  }

  loadRow(key: string, value: Uint8Array): void {
    const start = this.begin(Command.LoadRow);
    this.text(key);
    this.blob(value);
    this.finish(start);
  }

  openMap(map: number, kind: MapKind, name: string): void {
    const start = this.begin(Command.OpenMap);
    this.varint(map);
    this.u8(kind);
    this.text(name);
    this.finish(start);
  }

  set(map: number, key: string, ttlMs: number, value: unknown): void {
    this.writeValue(Command.Set, map, key, ttlMs, value);
  }

  remove(map: number, key: string): void {
    const start = this.begin(Command.Remove);
    this.varint(map);
    this.key(start, key);
    this.finish(start);
  }

  orAdd(map: number, key: string, ttlMs: number, value: unknown): void {
    this.writeValue(Command.OrAdd, map, key, ttlMs, value);
  }

  orRemove(map: number, key: string, value: unknown): void {
    const start = this.begin(Command.OrRemove);
    this.varint(map);
    this.key(start, key);
    this.value(start, value);
    this.finish(start);
  }

  counterAdd(map: number, key: string, amount: number): void {
    const start = this.begin(Command.CounterAdd);
    this.varint(map);
    this.key(start, key);
    this.bigU64(BigInt.asUintN(64, BigInt(amount)));
    this.finish(start);
  }

  /** A command whose payload is one map handle. */
  onMap(code: Command.Root | Command.Unsubscribe, map: number): void {
    const start = this.begin(code);
    this.varint(map);
    this.finish(start);
  }

  /** A command without payload. */
  plain(code: Command): void {
    this.finish(this.begin(code));
  }

  transportOpened(kind: TransportKind): void {
    const start = this.begin(Command.TransportOpened);
    this.u8(kind);
    this.finish(start);
  }

  transportFrame(frame: Uint8Array): void {
    const start = this.begin(Command.TransportFrame);
    this.raw(frame);
    this.finish(start);
  }

  /** Whole messages of an answer; none at all says that it is still under way. */
  exchangePart(exchange: number, part: Uint8Array): void {
    const start = this.begin(Command.ExchangePart);
    this.varint(exchange);
    this.raw(part);
    this.finish(start);
  }

  exchangeDone(exchange: number): void {
    const start = this.begin(Command.ExchangeDone);
    this.varint(exchange);
    this.finish(start);
  }

  setPolling({ waitMs, minMs, maxMs }: Polling): void {
    const start = this.begin(Command.SetPolling);
    this.varint(waitMs);
    this.varint(minMs);
    this.varint(maxMs);
    this.finish(start);
  }

  setOnline(online: boolean): void {
    const start = this.begin(Command.SetOnline);
    this.u8(online ? 1 : 0);
    this.finish(start);
  }

  setToken(token: string): void {
    const start = this.begin(Command.SetToken);
    this.text(token);
    this.finish(start);
  }

  persisted(transaction: number, error: number): void {
    const start = this.begin(Command.Persisted);
    this.varint(transaction);
    this.u8(error & 0xff);
    this.u8(error >> 8);
    this.finish(start);
  }

  /** A command as another buffer encoded it, its size included. */
  appendEncoded(command: Uint8Array): void {
    this.raw(command);
    this.count++;
  }

  /** The finished request. Borrowed: it holds until the buffer is written to again. */
  request(now: Now): Uint8Array {
    const end = this.writer.size;
    this.writer.size = 0;
    this.u8(ENGINE_PROTOCOL_VERSION);
    this.u64(now.wallMs);
    this.u64(now.monotonicMs);
    this.writer.size = end;
    return this.writer.bytes.subarray(0, end);
  }

  /** Starts the next request. */
  reset(): void {
    this.writer.size = HEADER_BYTES;
    this.count = 0;
  }

  private writeValue(code: Command, map: number, key: string, ttlMs: number, value: unknown): void {
    const start = this.begin(code);
    this.varint(map);
    this.key(start, key);
    this.varint(ttlMs);
    this.value(start, value);
    this.finish(start);
  }

  /** Leaves room for the size, writes the code; returns where the command starts. */
  begin(code: Command): number {
    const writer = this.writer;
    writer.reserve(5);
    const start = writer.size;
    writer.bytes[start + 4] = code;
    writer.size = start + 5;
    return start;
  }

  /** Ends the command that starts there. */
  finish(start: number): void {
    const bytes = this.writer.bytes;
    const size = this.writer.size - start - 4;
    bytes[start] = size;
    bytes[start + 1] = size >>> 8;
    bytes[start + 2] = size >>> 16;
    bytes[start + 3] = size >>> 24;
    this.count++;
  }

  private key(start: number, key: string): void {
    const from = this.writer.size;
    try {
      this.text(key);
    } catch (error) {
      this.writer.size = start;
      throw error;
    }
    // One byte of length, or two from 128 on.
    const size = this.writer.size - from - (this.writer.size - from > 128 ? 2 : 1);
    if (size > 0 && size <= KEY_BYTES_MAX) return;
    this.writer.size = start;
    throw new TopGunError(
      ErrorCode.InvalidArgument,
      `a key takes 1 to ${KEY_BYTES_MAX} bytes, this one ${size}`,
    );
  }

  private value(start: number, value: unknown): void {
    const from = this.writer.size;
    try {
      encodeValue(value, this.writer);
    } catch (error) {
      this.writer.size = start;
      throw error instanceof ValueError ? errorFromCode(error.code, error.message) : error;
    }
    const size = this.writer.size - from;
    if (size <= VALUE_BYTES_MAX) return;
    this.writer.size = start;
    throw new TopGunError(
      ErrorCode.TooLarge,
      `a value takes at most ${VALUE_BYTES_MAX} bytes, this one ${size}`,
    );
  }
}

/** A command's answer: its error (0 = none) and its payload, borrowed. */
export interface CommandAnswer {
  readonly index: number;
  readonly error: number;
  readonly payload: ByteReader;
}

/** Calls `visit` with every answer that failed or carries a payload; most do neither. */
export function readAnswers(response: Uint8Array, visit: (answer: CommandAnswer) => void): void {
  const reader = new ByteReader(response);
  for (let index = 0; !reader.done; index++) {
    const size = reader.u32();
    const end = reader.offset + size;
    const error = reader.u16();
    if (error !== 0 || size > 2) {
      visit({ index, error, payload: new ByteReader(response, reader.offset, end) });
    }
    reader.offset = end;
  }
}

/** Every command of a request as it was encoded, its size included. Borrowed. */
export function splitRequest(request: Uint8Array): Uint8Array[] {
  return splitCommands(request.subarray(HEADER_BYTES));
}

/** Every one of the commands back to back, its size included. Borrowed. */
export function splitCommands(encoded: Uint8Array): Uint8Array[] {
  const reader = new ByteReader(encoded);
  const commands: Uint8Array[] = [];
  while (!reader.done) {
    const start = reader.offset;
    reader.skip(reader.u32());
    commands.push(encoded.subarray(start, reader.offset));
  }
  return commands;
}

/** The map and key that an encoded command writes to, relayed or not; nothing if it is no write. */
export function writeTarget(command: Uint8Array): WriteTarget | undefined {
  const reader = new ByteReader(command);
  const { code, relayed } = skipToMap(reader);
  if (code < Command.Set || code > Command.CounterAdd) return undefined;
  return { code, map: reader.varint(), key: reader.text(), relayed };
}

/** What follows the key of an encoded write, relayed or not. Borrowed. */
export function payloadAfterKey(write: Uint8Array): ByteReader {
  const reader = new ByteReader(write);
  skipToMap(reader);
  reader.varint();
  reader.text();
  return reader;
}

/** Moves to the map of an encoded command that has one; returns what kind of command it is. */
export function skipToMap(reader: ByteReader): { code: Command; relayed: boolean } {
  reader.u32();
  const code = reader.u8() as Command;
  if (code !== Command.Relay) return { code, relayed: false };
  reader.skip(TAB_BYTES);
  reader.varint();
  return { code: reader.u8() as Command, relayed: true };
}
