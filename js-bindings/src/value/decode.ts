import {
  BIGINT_BYTES_MAX,
  Extension,
  INVALID_UTF8,
  MALFORMED,
  NUMBER_INTEGER_MAX,
  TOO_DEEP,
  TRUNCATED,
  TWO_32,
  VALUE_DEPTH_MAX,
  ValueError,
  scratch,
  scratchBytes,
  type Value,
  type ValueErrorCode,
} from './types.js';

/** Up to this many bytes, ASCII text is read in a loop; beyond, the platform's decoder is faster. */
const SHORT_TEXT = 24;
const KEY_SLOTS = 256;
const DATE_MILLISECONDS_MAX = 8.64e15;

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** What is being read, from where and up to where. Module state, since this is not re-entered. */
let bytes: Uint8Array = new Uint8Array(0);
let at = 0;
let end = 0;

/**
 * Reads the one value that `length` bytes from `offset` on hold. Dates lose what is finer than a
 * millisecond; integers beyond +-2^53 come as bigint; binary is copied.
 *
 * Throws a `ValueError` if the bytes are not exactly one valid value.
 */
export function decodeValue(from: Uint8Array, offset = 0, length = from.length - offset): Value {
  bytes = from;
  at = offset;
  end = offset + length;
  if (end > from.length) return fail(TRUNCATED);
  const value = decode(0);
  if (at !== end) return fail(MALFORMED);
  return value;
}

function decode(depth: number): Value {
  if (at >= end) return fail(TRUNCATED);
  const lead = bytes[at++]!;
  if (lead < 0x80) return lead;
  if (lead < 0x90) return decodeMap(lead & 0x0f, depth);
  if (lead < 0xa0) return decodeArray(lead & 0x0f, depth);
  if (lead < 0xc0) return decodeText(lead & 0x1f);
  if (lead >= 0xe0) return lead - 0x100;
  switch (lead) {
    case 0xc0:
      return null;
    case 0xc2:
      return false;
    case 0xc3:
      return true;
    case 0xc4:
    case 0xc5:
    case 0xc6:
      return decodeBinary(unsigned(1 << (lead - 0xc4)));
    case 0xc7:
    case 0xc8:
    case 0xc9:
      return decodeExtension(unsigned(1 << (lead - 0xc7)));
    case 0xca:
      scratch.setUint32(0, unsigned(4));
      return scratch.getFloat32(0);
    case 0xcb:
      loadLong();
      return scratch.getFloat64(0);
    case 0xcc:
    case 0xcd:
    case 0xce:
      return unsigned(1 << (lead - 0xcc));
    case 0xcf:
      return long(true);
    case 0xd0:
      return (unsigned(1) << 24) >> 24;
    case 0xd1:
      return (unsigned(2) << 16) >> 16;
    case 0xd2:
      return unsigned(4) | 0;
    case 0xd3:
      return long(false);
    case 0xd4:
    case 0xd5:
    case 0xd6:
    case 0xd7:
    case 0xd8:
      return decodeExtension(1 << (lead - 0xd4));
    case 0xd9:
    case 0xda:
    case 0xdb:
      return decodeText(unsigned(1 << (lead - 0xd9)));
    case 0xdc:
    case 0xdd:
      return decodeArray(unsigned(2 << (lead - 0xdc)), depth);
    case 0xde:
    case 0xdf:
      return decodeMap(unsigned(2 << (lead - 0xde)), depth);
    default:
      return fail(MALFORMED);
  }
}

function decodeArray(count: number, depth: number): Value[] {
  enter(count, depth);
  const array: Value[] = [];
  for (let i = 0; i < count; i++) array.push(decode(depth + 1));
  return array;
}

function decodeMap(count: number, depth: number): { [key: string]: Value } {
  enter(count * 2, depth);
  const object: { [key: string]: Value } = {};
  let ascending = true;
  let last = '';
  for (let i = 0; i < count; i++) {
    const key = decodeKey();
    if (i > 0 && key <= last) ascending = false;
    last = key;
    const value = decode(depth + 1);
    if (key === '__proto__') {
      // Plain assignment would set the prototype instead.
      Object.defineProperty(object, key, {
        value,
        configurable: true,
        enumerable: true,
        writable: true,
      });
    } else {
      object[key] = value;
    }
  }
  // Keys in order cannot repeat; otherwise a repeated one shows in the count.
  if (!ascending && Object.keys(object).length !== count) return fail(MALFORMED);
  return object;
}

/**
 * Short keys seen before. A map's keys are few and come back in every value; finding the string
 * again is cheaper than making it, and gives the engine one it already knows as a property name.
 */
const keys: ({ text: string; bytes: Uint8Array } | undefined)[] = new Array<undefined>(
  KEY_SLOTS,
).fill(undefined);

function decodeKey(): string {
  if (at >= end) return fail(TRUNCATED);
  const lead = bytes[at]!;
  if (lead < 0xa0 || lead >= 0xc0) {
    if (lead < 0xd9 || lead > 0xdb) return fail(MALFORMED);
    at++;
    return decodeText(unsigned(1 << (lead - 0xd9)));
  }
  at++;
  const size = lead & 0x1f;
  const from = at;
  const to = from + size;
  if (size === 0 || to > end) return decodeText(size);
  const slot = (bytes[from]! * 7 + bytes[to - 1]! * 3 + bytes[from + (size >> 1)]! + size * 31) &
    (KEY_SLOTS - 1);
  const known = keys[slot];
  if (known !== undefined && known.bytes.length === size) {
    const knownBytes = known.bytes;
    let i = 0;
    while (i < size && knownBytes[i] === bytes[from + i]) i++;
    if (i === size) {
      at = to;
      return known.text;
    }
  }
  const text = decodeText(size);
  keys[slot] = { text, bytes: bytes.slice(from, to) };
  return text;
}

function decodeText(size: number): string {
  const from = at;
  take(size);
  if (size <= SHORT_TEXT) {
    let text = '';
    let i = from;
    for (; i < at; i++) {
      const unit = bytes[i]!;
      if (unit > 0x7f) break;
      text += String.fromCharCode(unit);
    }
    if (i === at) return text;
  }
  try {
    return utf8.decode(bytes.subarray(from, at));
  } catch {
    return fail(INVALID_UTF8);
  }
}

function decodeBinary(size: number): Uint8Array {
  const from = at;
  take(size);
  return bytes.slice(from, at);
}

function decodeExtension(size: number): Value {
  const type = (unsigned(1) << 24) >> 24;
  if (type === -1) return decodeDate(size);
  const payload = decodeBinary(size);
  return type === 1 ? decodeBigInt(payload) : new Extension(type, payload);
}

function decodeDate(size: number): Date {
  if (size !== 4 && size !== 8 && size !== 12) {
    take(size);
    return fail(MALFORMED);
  }
  let nanoseconds = size === 4 ? 0 : unsigned(4);
  let high = size === 12 ? unsigned(4) | 0 : 0;
  if (size === 8) {
    high = nanoseconds & 3;
    nanoseconds >>>= 2;
  }
  const seconds = high * TWO_32 + unsigned(4);
  const milliseconds = seconds * 1000 + Math.floor(nanoseconds / 1e6);
  // At the last representable millisecond nothing finer may follow.
  const beyond = Math.abs(milliseconds) > DATE_MILLISECONDS_MAX ||
    (milliseconds === DATE_MILLISECONDS_MAX && nanoseconds > 0);
  if (nanoseconds >= 1e9 || beyond) return fail(MALFORMED);
  return new Date(milliseconds);
}

function decodeBigInt(payload: Uint8Array): bigint {
  const size = payload.length - 1;
  const sign = payload[0];
  const minimal = size > 0 ? payload[1] !== 0 : sign === 0;
  if (size < 0 || sign! > 1 || size > BIGINT_BYTES_MAX || !minimal) {
    return fail(MALFORMED);
  }
  let digits = '0x0';
  for (let i = 1; i <= size; i++) digits += payload[i]!.toString(16).padStart(2, '0');
  return sign === 1 ? -BigInt(digits) : BigInt(digits);
}

/** A big-endian unsigned integer of 1, 2 or 4 bytes. */
function unsigned(width: number): number {
  const from = at;
  take(width);
  let value = 0;
  for (let i = from; i < at; i++) value = (value << 8) | bytes[i]!;
  return value >>> 0;
}

function loadLong(): void {
  const from = at;
  take(8);
  for (let i = 0; i < 8; i++) scratchBytes[i] = bytes[from + i]!;
}

/** A 64-bit integer: a number as far as those are exact, a bigint beyond. */
function long(isUnsigned: boolean): number | bigint {
  loadLong();
  const high = isUnsigned ? scratch.getUint32(0) : scratch.getInt32(0);
  const low = scratch.getUint32(4);
  const value = high * TWO_32 + low;
  if (Math.abs(value) < NUMBER_INTEGER_MAX) return value;
  // Here rounding may have hidden a last bit; only the integer itself tells.
  const exact = isUnsigned ? scratch.getBigUint64(0) : scratch.getBigInt64(0);
  return BigInt(value) === exact && Math.abs(value) === NUMBER_INTEGER_MAX ? value : exact;
}

function take(size: number): void {
  if (size > end - at) fail(TRUNCATED);
  at += size;
}

/** Checks what a container announces: every element takes at least one byte. */
function enter(values: number, depth: number): void {
  if (values > end - at) fail(TRUNCATED);
  if (depth >= VALUE_DEPTH_MAX) fail(TOO_DEEP);
}

function fail(code: ValueErrorCode): never {
  throw new ValueError(code, 'these bytes are no valid value');
}
