import {
  BIGINT_BYTES_MAX,
  Extension,
  VALUE_BYTES_MAX,
  VALUE_DEPTH_MAX,
  ValueError,
  ValueErrorCode,
} from './types.js';

/** Bytes that grow at the end. Reused from value to value, so that encoding allocates nothing. */
export class ValueWriter {
  bytes: Uint8Array;
  /** Bytes written so far. Set it back to 0 to start over. */
  size = 0;

  constructor(capacity = 1024) {
    this.bytes = new Uint8Array(capacity);
  }

  /** Makes room for `extra` bytes behind `size`; may replace `bytes`. */
  reserve(extra: number): void {
    if (this.size + extra > this.bytes.length) this.grow(extra);
  }

  /** A copy of what was written. */
  take(): Uint8Array {
    return this.bytes.slice(0, this.size);
  }

  private grow(extra: number): void {
    const larger = new Uint8Array(Math.max(this.size + extra, this.bytes.length * 2));
    larger.set(this.bytes.subarray(0, this.size));
    this.bytes = larger;
  }
}

/** From this many UTF-16 units on, one call of the platform's encoder beats a loop here. */
const LONG_TEXT = 48;
/** Objects with more keys are taken for dictionaries, whose keys seldom repeat. */
const SHAPE_KEYS_MAX = 32;
const SHAPE_SLOTS = 64;
const NUMBER_INTEGER_MAX = 2 ** 53;
const TWO_32 = 2 ** 32;

const utf8 = new TextEncoder();
const scratch = new DataView(new ArrayBuffer(8));
const scratchBytes = new Uint8Array(scratch.buffer);

/** The keys on the way to the value being encoded, and the containers they lead through. */
const path: (string | number)[] = [];
const containers: object[] = [];
/** Where the value being encoded must end. */
let sizeMax = 0;

/**
 * Appends the canonical encoding of a JavaScript value: null, boolean, number, bigint, string, Date,
 * Uint8Array, Extension, arrays and plain objects of these. `undefined` is left out of objects and
 * becomes null elsewhere.
 *
 * Throws a `ValueError` that names the place, with the writer as it was, on anything else: functions,
 * symbols, cycles, more than `VALUE_DEPTH_MAX` levels, more than `VALUE_BYTES_MAX` bytes, text with
 * half a surrogate pair, an invalid Date.
 */
export function encodeValue(value: unknown, writer: ValueWriter): void {
  const start = writer.size;
  sizeMax = start + VALUE_BYTES_MAX;
  try {
    encode(writer, value, 0);
    checkSize(writer, 0);
  } catch (error) {
    writer.size = start;
    throw error;
  } finally {
    containers.length = path.length = 0;
  }
}

function encode(writer: ValueWriter, value: unknown, depth: number): void {
  switch (typeof value) {
    case 'string':
      return encodeText(writer, value, depth);
    case 'number':
      return encodeNumber(writer, value);
    case 'boolean':
      return byte(writer, value ? 0xc3 : 0xc2);
    case 'undefined':
      return byte(writer, 0xc0);
    case 'object':
      return value === null ? byte(writer, 0xc0) : encodeObject(writer, value, depth);
    case 'bigint':
      return encodeBigInt(writer, value, depth);
    default:
      return fail(ValueErrorCode.InvalidArgument, `a ${typeof value} cannot be stored`, depth);
  }
}

function encodeObject(writer: ValueWriter, value: object, depth: number): void {
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === Object.prototype || prototype === null) {
    return encodeMap(writer, value as Record<string, unknown>, depth);
  }
  if (Array.isArray(value)) return encodeArray(writer, value, depth);
  if (value instanceof Date) return encodeDate(writer, value, depth);
  if (value instanceof Uint8Array) {
    if (value.length > VALUE_BYTES_MAX) return tooLarge(depth);
    sizedHead(writer, 0xc4, value.length);
    return append(writer, value);
  }
  if (value instanceof Extension) {
    const { type, data } = value;
    // Dates and bigints have rules that arbitrary bytes would break.
    if (type << 24 >> 24 !== type || type === -1 || type === 1) {
      fail(ValueErrorCode.InvalidArgument, `extension type ${type} cannot be stored`, depth);
    }
    if (data.length > VALUE_BYTES_MAX) return tooLarge(depth);
    return encodeExtension(writer, type, data);
  }
  // Instances of classes are stored as their own properties; what keeps its content elsewhere, as
  // Map and Set do, would silently become empty.
  const kind = Object.prototype.toString.call(value);
  if (kind === '[object Object]') {
    return encodeMap(writer, value as Record<string, unknown>, depth);
  }
  fail(ValueErrorCode.InvalidArgument, `a ${kind.slice(8, -1)} cannot be stored`, depth);
}

function encodeArray(writer: ValueWriter, array: readonly unknown[], depth: number): void {
  enter(writer, array, depth);
  const count = array.length;
  if (count > VALUE_BYTES_MAX) return tooLarge(depth);
  containerHead(writer, 0x90, 0xdc, count);
  for (let i = 0; i < count; i++) {
    path[depth] = i;
    encode(writer, array[i], depth + 1);
  }
}

function encodeMap(writer: ValueWriter, object: Record<string, unknown>, depth: number): void {
  enter(writer, object, depth);
  let keys = Object.keys(object);
  // The head of a small map is one byte whatever its count, and can be set right in the end.
  const small = keys.length < 16;
  if (!small) keys = keys.filter((key) => object[key] !== undefined);
  keys = keysInOrder(keys);
  const headAt = writer.size;
  let count = keys.length;
  containerHead(writer, 0x80, 0xde, count);
  for (let i = 0, n = count; i < n; i++) {
    const key = keys[i]!;
    const value = object[key];
    if (value === undefined && small) {
      count--;
      continue;
    }
    path[depth] = key;
    encodeText(writer, key, depth + 1);
    encode(writer, value, depth + 1);
  }
  if (small) writer.bytes[headAt] = 0x80 | count;
}

/** A list of keys as objects of one kind yield it, and the same keys in canonical order. */
interface Shape {
  keys: string[];
  sorted: string[];
}

/**
 * Objects of one kind come in large numbers with their keys always in the same order; comparing
 * that order with a remembered one is far cheaper than sorting again.
 */
const shapes: (Shape | undefined)[] = new Array<Shape | undefined>(SHAPE_SLOTS).fill(undefined);

function keysInOrder(keys: string[]): string[] {
  const count = keys.length;
  if (count < 2) return keys;
  if (count > SHAPE_KEYS_MAX) return keys.sort(compareText);
  const first = keys[0]!;
  const last = keys[count - 1]!;
  const slot =
    (count * 7 + first.length * 5 + last.length * 3 + first.charCodeAt(0) + last.charCodeAt(0)) &
    (SHAPE_SLOTS - 1);
  const shape = shapes[slot];
  if (shape !== undefined && isSameList(keys, shape.keys)) return shape.sorted;
  const sorted = keys.slice().sort(compareText);
  shapes[slot] = { keys, sorted };
  return sorted;
}

function isSameList(left: string[], right: string[]): boolean {
  const count = left.length;
  if (right.length !== count) return false;
  for (let i = 0; i < count; i++) if (left[i] !== right[i]) return false;
  return true;
}

/** The order of UTF-8 bytes, which is that of code points: surrogates stand above the rest. */
function compareText(left: string, right: string): number {
  const shared = Math.min(left.length, right.length);
  for (let i = 0; i < shared; i++) {
    const a = left.charCodeAt(i);
    const b = right.charCodeAt(i);
    if (a !== b) return unitRank(a) - unitRank(b);
  }
  return left.length - right.length;
}

function unitRank(unit: number): number {
  return unit < 0xd800 ? unit : unit < 0xe000 ? unit + 0x2000 : unit - 0x800;
}

function encodeText(writer: ValueWriter, text: string, depth: number): void {
  const units = text.length;
  if (units > VALUE_BYTES_MAX) return tooLarge(depth);
  writer.reserve(units * 3 + 5);
  const bytes = writer.bytes;
  const start = writer.size;
  const headSize = textHeadSize(units);
  let end = start + headSize;
  if (units < LONG_TEXT) {
    for (let i = 0; i < units; i++) {
      const unit = text.charCodeAt(i);
      if (unit > 0x7f) {
        end = encodeUnits(bytes, end, text, i, depth);
        break;
      }
      bytes[end++] = unit;
    }
  } else {
    end += utf8.encodeInto(text, bytes.subarray(end)).written;
    // The encoder replaces half a surrogate pair silently.
    if (end - start - headSize > units && /\p{Surrogate}/u.test(text)) halfPair(depth);
  }
  const size = end - start - headSize;
  // The head was sized for ASCII; other scripts may need a longer one.
  const head = textHeadSize(size);
  if (head !== headSize) bytes.copyWithin(start + head, start + headSize, end);
  if (size < 32) bytes[start] = 0xa0 | size;
  else sizedHead(writer, 0xd9, size);
  writer.size = start + head + size;
}

function textHeadSize(size: number): number {
  return size < 32 ? 1 : size <= 0xff ? 2 : size <= 0xffff ? 3 : 5;
}

/** Writes the UTF-8 of `text` from unit `i` on; returns where it ends. */
function encodeUnits(
  bytes: Uint8Array,
  end: number,
  text: string,
  i: number,
  depth: number,
): number {
  for (; i < text.length; i++) {
    const point = text.codePointAt(i)!;
    if (point < 0x80) {
      bytes[end++] = point;
      continue;
    }
    if (point < 0x800) {
      bytes[end++] = 0xc0 | (point >> 6);
    } else {
      if (point < 0x10000) {
        if (point >= 0xd800 && point < 0xe000) halfPair(depth);
        bytes[end++] = 0xe0 | (point >> 12);
      } else {
        i++;
        bytes[end++] = 0xf0 | (point >> 18);
        bytes[end++] = 0x80 | ((point >> 12) & 0x3f);
      }
      bytes[end++] = 0x80 | ((point >> 6) & 0x3f);
    }
    bytes[end++] = 0x80 | (point & 0x3f);
  }
  return end;
}

function encodeNumber(writer: ValueWriter, number: number): void {
  // Also false for NaN. -0 must stay what it is, which no integer can say.
  if ((number | 0) === number && (number !== 0 || 1 / number > 0)) {
    if (number >= 0) {
      if (number < 128) return byte(writer, number);
      return field(writer, 0xcc + widthStep(number), number, 1 << widthStep(number));
    }
    if (number >= -32) return byte(writer, number);
    const step = widthStep(~number * 2);
    return field(writer, 0xd0 + step, number, 1 << step);
  }
  if (Math.abs(number) <= NUMBER_INTEGER_MAX && Math.floor(number) === number && number !== 0) {
    if (number > 0 && number < TWO_32) return field(writer, 0xce, number, 4);
    field(writer, number > 0 ? 0xcf : 0xd3, Math.floor(number / TWO_32), 4);
    return word(writer, number);
  }
  writer.reserve(9);
  scratch.setFloat64(0, number);
  if (number !== number) scratch.setUint32(0, 0x7ff80000), scratch.setUint32(4, 0);
  writer.bytes[writer.size++] = 0xcb;
  append(writer, scratchBytes);
}

function encodeDate(writer: ValueWriter, date: Date, depth: number): void {
  const milliseconds = date.getTime();
  if (milliseconds !== milliseconds) {
    fail(ValueErrorCode.InvalidArgument, 'an invalid Date cannot be stored', depth);
  }
  const seconds = Math.floor(milliseconds / 1000);
  const nanoseconds = (milliseconds - seconds * 1000) * 1e6;
  const high = Math.floor(seconds / TWO_32);
  if (high < 0 || high > 3) {
    sizedHead(writer, 0xc7, 12);
    field(writer, 0xff, nanoseconds, 4);
    word(writer, high);
  } else if (high === 0 && nanoseconds === 0) {
    byte(writer, 0xd6);
    byte(writer, 0xff);
  } else {
    byte(writer, 0xd7);
    field(writer, 0xff, nanoseconds * 4 + high, 4);
  }
  word(writer, seconds);
}

function encodeBigInt(writer: ValueWriter, value: bigint, depth: number): void {
  let digits = value === 0n ? '' : (value < 0n ? -value : value).toString(16);
  if (digits.length % 2 === 1) digits = '0' + digits;
  const payload = new Uint8Array(1 + digits.length / 2);
  if (payload.length > 1 + BIGINT_BYTES_MAX) return tooLarge(depth);
  payload[0] = value < 0n ? 1 : 0;
  for (let i = 1; i < payload.length; i++) {
    payload[i] = parseInt(digits.slice(2 * i - 2, 2 * i), 16);
  }
  encodeExtension(writer, 1, payload);
}

function encodeExtension(writer: ValueWriter, type: number, payload: Uint8Array): void {
  const step = [1, 2, 4, 8, 16].indexOf(payload.length);
  if (step >= 0) byte(writer, 0xd4 + step);
  else sizedHead(writer, 0xc7, payload.length);
  byte(writer, type);
  append(writer, payload);
}

function byte(writer: ValueWriter, value: number): void {
  writer.reserve(1);
  writer.bytes[writer.size++] = value;
}

/** A format byte and a big-endian field of 1, 2 or 4 bytes. */
function field(writer: ValueWriter, lead: number, value: number, width: number): void {
  byte(writer, lead);
  if (width === 4) return word(writer, value);
  if (width === 2) byte(writer, value >>> 8);
  byte(writer, value);
}

/** The low 32 bits of an integer, big-endian. */
function word(writer: ValueWriter, value: number): void {
  writer.reserve(4);
  const bytes = writer.bytes;
  let at = writer.size;
  bytes[at++] = value >>> 24;
  bytes[at++] = value >>> 16;
  bytes[at++] = value >>> 8;
  bytes[at++] = value;
  writer.size = at;
}

/** Doublings of a byte until `value`, below 2^32, fits. */
function widthStep(value: number): number {
  return value <= 0xff ? 0 : value <= 0xffff ? 1 : 2;
}

function sizedHead(writer: ValueWriter, lead: number, size: number): void {
  const step = widthStep(size);
  field(writer, lead + step, size, 1 << step);
}

function containerHead(
  writer: ValueWriter,
  shortLead: number,
  lead: number,
  count: number,
): void {
  if (count < 16) byte(writer, shortLead | count);
  else if (count <= 0xffff) field(writer, lead, count, 2);
  else field(writer, lead + 1, count, 4);
}

function append(writer: ValueWriter, bytes: Uint8Array): void {
  writer.reserve(bytes.length);
  writer.bytes.set(bytes, writer.size);
  writer.size += bytes.length;
}

/** Checks the limits on the way into a container, which also ends what shares or repeats itself. */
function enter(writer: ValueWriter, container: object, depth: number): void {
  if (depth >= VALUE_DEPTH_MAX) {
    const cyclic = containers.includes(container);
    fail(
      cyclic ? ValueErrorCode.InvalidArgument : ValueErrorCode.TooDeep,
      cyclic ? 'a value cannot contain itself' : `nested deeper than ${VALUE_DEPTH_MAX}`,
      depth,
    );
  }
  containers[depth] = container;
  checkSize(writer, depth);
}

function checkSize(writer: ValueWriter, depth: number): void {
  if (writer.size > sizeMax) tooLarge(depth);
}

function tooLarge(depth: number): never {
  return fail(ValueErrorCode.TooLarge, `larger than ${VALUE_BYTES_MAX} bytes`, depth);
}

function halfPair(depth: number): never {
  return fail(ValueErrorCode.InvalidUtf8, 'text with half a surrogate pair', depth);
}

function fail(code: ValueErrorCode, message: string, depth: number): never {
  const steps = path.slice(0, depth);
  const text = steps.map((step) => (typeof step === 'number' ? `[${step}]` : `.${step}`)).join('');
  throw new ValueError(code, message, text.replace(/^\./, ''));
}
