import {
  BIGINT_BYTES_MAX,
  Extension,
  INVALID_ARGUMENT,
  INVALID_UTF8,
  NUMBER_INTEGER_MAX,
  TOO_DEEP,
  TOO_LARGE,
  TWO_32,
  VALUE_BYTES_MAX,
  VALUE_DEPTH_MAX,
  ValueError,
  scratch,
  scratchBytes,
  type ValueErrorCode,
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

const utf8 = new TextEncoder();

// The state of the one encoding in progress. Held here rather than passed along: encoding is not
// re-entered, and every function below is smaller and faster for it.
let writer: ValueWriter;
let bytes: Uint8Array;
let at = 0;
/** Where the value must end. */
let atMax = 0;
let isBusy = false;
let root: unknown;
/** Containers around the current place, and the keys that lead there. */
let depth = 0;
const path = new Array<string | number>(VALUE_DEPTH_MAX).fill(0);

/**
 * Appends the canonical encoding of a JavaScript value: null, boolean, number, bigint, string, Date,
 * Uint8Array, Extension, arrays and plain objects of these. `undefined` is left out of objects and
 * becomes null elsewhere.
 *
 * Throws a `ValueError` that names the place, with the writer as it was, on anything else: functions,
 * symbols, cycles, more than `VALUE_DEPTH_MAX` levels, more than `VALUE_BYTES_MAX` bytes, text with
 * half a surrogate pair, an invalid Date, an object with a getter that encodes.
 */
export function encodeValue(value: unknown, to: ValueWriter): void {
  if (isBusy) fail(INVALID_ARGUMENT, 'a getter that encodes values');
  isBusy = true;
  writer = to;
  bytes = to.bytes;
  let end = (at = to.size);
  atMax = at + VALUE_BYTES_MAX;
  root = value;
  depth = 0;
  try {
    encode(value);
    checkSize();
    end = at;
  } finally {
    to.size = end;
    isBusy = false;
    root = undefined;
  }
}

function encode(value: unknown): void {
  switch (typeof value) {
    case 'string':
      return encodeText(value);
    case 'number':
      return encodeNumber(value);
    case 'boolean':
      return byte(value ? 0xc3 : 0xc2);
    case 'undefined':
      return byte(0xc0);
    case 'object':
      return value === null ? byte(0xc0) : encodeObject(value);
    case 'bigint':
      return encodeBigInt(value);
    default:
      return unsupported(typeof value);
  }
}

function encodeObject(value: object): void {
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === Object.prototype || prototype === null) return encodeMap(value);
  if (Array.isArray(value)) return encodeArray(value);
  if (value instanceof Date) return encodeDate(value);
  if (value instanceof Uint8Array) {
    sizedHead(0xc4, value.length);
    return append(value);
  }
  if (value instanceof Extension) {
    const { type, data } = value;
    // Dates and bigints have rules that arbitrary bytes would break.
    if ((type << 24) >> 24 !== type || type === -1 || type === 1) {
      unsupported(`extension of type ${type}`);
    }
    return encodeExtension(type, data);
  }
  // Instances of classes are stored as their own properties; what keeps its content elsewhere, as
  // Map and Set do, would silently become empty.
  const kind = Object.prototype.toString.call(value).slice(8, -1);
  if (kind !== 'Object') unsupported(kind);
  encodeMap(value);
}

function encodeArray(array: readonly unknown[]): void {
  const count = array.length;
  if (count > VALUE_BYTES_MAX) tooLarge();
  containerHead(0x90, count);
  enter(array);
  for (let i = 0; i < count; i++) {
    path[depth - 1] = i;
    encode(array[i]);
  }
  depth--;
}

function encodeMap(object: object): void {
  const fields = object as Record<string, unknown>;
  let keys = Object.keys(fields);
  // The head of a small map is one byte whatever its count, and can be set right in the end.
  const isSmall = keys.length < 16;
  if (!isSmall) keys = keys.filter((key) => fields[key] !== undefined);
  keys = keysInOrder(keys);
  const headAt = at;
  let count = keys.length;
  containerHead(0x80, count);
  enter(object);
  for (let i = 0, n = count; i < n; i++) {
    const key = keys[i]!;
    const value = fields[key];
    if (value === undefined && isSmall) {
      count--;
      continue;
    }
    path[depth - 1] = key;
    encodeText(key);
    encode(value);
  }
  if (isSmall) bytes[headAt] = 0x80 | count;
  depth--;
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

function encodeText(text: string): void {
  const units = text.length;
  if (units > VALUE_BYTES_MAX) tooLarge();
  reserve(units * 3 + 5);
  const out = bytes;
  const guess = textHeadSize(units);
  const from = at + guess;
  let end = from;
  if (units < LONG_TEXT) {
    for (let i = 0; i < units; i++) {
      const unit = text.charCodeAt(i);
      if (unit > 0x7f) {
        end = encodeUnits(text, i, end);
        break;
      }
      out[end++] = unit;
    }
  } else {
    end += utf8.encodeInto(text, out.subarray(from)).written;
    // The encoder replaces half a surrogate pair silently.
    if (end - from > units && /\p{Surrogate}/u.test(text)) halfPair();
  }
  const size = end - from;
  // The head was guessed for ASCII; other scripts may need a longer one.
  const head = textHeadSize(size);
  if (head !== guess) out.copyWithin(at + head, from, end);
  if (size < 32) out[at++] = 0xa0 | size;
  else sizedHead(0xd9, size);
  at += size;
}

function textHeadSize(size: number): number {
  return size < 32 ? 1 : 1 + (1 << widthStep(size));
}

/** Writes the UTF-8 of `text` from unit `i` on to `end`; returns where it ends then. */
function encodeUnits(text: string, i: number, end: number): number {
  const out = bytes;
  for (; i < text.length; i++) {
    const point = text.codePointAt(i)!;
    if (point < 0x80) {
      out[end++] = point;
      continue;
    }
    if (point < 0x800) {
      out[end++] = 0xc0 | (point >> 6);
    } else {
      if (point < 0x10000) {
        if (point >= 0xd800 && point < 0xe000) halfPair();
        out[end++] = 0xe0 | (point >> 12);
      } else {
        i++;
        out[end++] = 0xf0 | (point >> 18);
        out[end++] = 0x80 | ((point >> 12) & 0x3f);
      }
      out[end++] = 0x80 | ((point >> 6) & 0x3f);
    }
    out[end++] = 0x80 | (point & 0x3f);
  }
  return end;
}

function encodeNumber(number: number): void {
  const isInteger = Math.floor(number) === number && Math.abs(number) <= NUMBER_INTEGER_MAX;
  if (!isInteger || Object.is(number, -0)) {
    byte(0xcb);
    scratch.setFloat64(0, number);
    // One NaN stands for all of them.
    if (number !== number) scratch.setBigUint64(0, 0x7ff8000000000000n);
    return append(scratchBytes);
  }
  if (number < 128 && number >= -32) return byte(number);
  // Folding the sign away leaves the bits in need of room.
  const bits = number < 0 ? (-1 - number) * 2 : number;
  const lead = number < 0 ? 0xd0 : 0xcc;
  if (bits < TWO_32) return field(lead, widthStep(bits), number);
  byte(lead + 3);
  word(Math.floor(number / TWO_32));
  word(number);
}

function encodeDate(date: Date): void {
  const milliseconds = date.getTime();
  if (milliseconds !== milliseconds) unsupported('invalid Date');
  const seconds = Math.floor(milliseconds / 1000);
  const nanoseconds = (milliseconds - seconds * 1000) * 1e6;
  const high = Math.floor(seconds / TWO_32);
  if (high < 0 || high > 3) {
    extensionHead(-1, 12);
    word(nanoseconds);
    word(high);
  } else if (high === 0 && nanoseconds === 0) {
    extensionHead(-1, 4);
  } else {
    extensionHead(-1, 8);
    word(nanoseconds * 4 + high);
  }
  word(seconds);
}

function encodeBigInt(value: bigint): void {
  let digits = value === 0n ? '' : (value < 0n ? -value : value).toString(16);
  if (digits.length % 2 === 1) digits = '0' + digits;
  const size = digits.length / 2;
  if (size > BIGINT_BYTES_MAX) tooLarge();
  extensionHead(1, 1 + size);
  byte(value < 0n ? 1 : 0);
  for (let i = 0; i < size; i++) byte(parseInt(digits.slice(2 * i, 2 * i + 2), 16));
}

function encodeExtension(type: number, payload: Uint8Array): void {
  extensionHead(type, payload.length);
  append(payload);
}

function extensionHead(type: number, size: number): void {
  const step = [1, 2, 4, 8, 16].indexOf(size);
  if (step >= 0) byte(0xd4 + step);
  else sizedHead(0xc7, size);
  byte(type);
}

/** A head with a size in one, two or four bytes. */
function sizedHead(lead: number, size: number): void {
  field(lead, widthStep(size), size);
}

/** A head of one byte, or with a count in two or four. */
function containerHead(lead: number, count: number): void {
  if (count < 16) byte(lead | count);
  // The longer heads of arrays are 0xdc and 0xdd, of maps 0xde and 0xdf.
  else field(lead === 0x90 ? 0xdb : 0xdd, count > 0xffff ? 2 : 1, count);
}

/** The byte `lead + step`, then the low 8, 16 or 32 bits of `value`, as `step` is 0, 1 or 2. */
function field(lead: number, step: number, value: number): void {
  byte(lead + step);
  if (step === 2) return word(value);
  if (step === 1) byte(value >>> 8);
  byte(value);
}

/** The low 32 bits of an integer, big-endian. */
function word(value: number): void {
  byte(value >>> 24);
  byte(value >>> 16);
  byte(value >>> 8);
  byte(value);
}

function byte(value: number): void {
  if (at === bytes.length) reserve(1);
  bytes[at++] = value;
}

function append(data: Uint8Array): void {
  if (data.length > VALUE_BYTES_MAX) tooLarge();
  reserve(data.length);
  bytes.set(data, at);
  at += data.length;
}

function reserve(extra: number): void {
  if (at + extra <= bytes.length) return;
  writer.size = at;
  writer.reserve(extra);
  bytes = writer.bytes;
}

/** Doublings of a byte until `value`, below 2^32, fits. */
function widthStep(value: number): number {
  return value <= 0xff ? 0 : value <= 0xffff ? 1 : 2;
}

/** Checks the limits on the way into a container, which also ends what shares or repeats itself. */
function enter(container: object): void {
  if (depth === VALUE_DEPTH_MAX) {
    if (isOwnAncestor(container)) unsupported('value that contains itself');
    fail(TOO_DEEP, `nesting deeper than ${VALUE_DEPTH_MAX}`);
  }
  depth++;
  checkSize();
}

/** Whether the container at the end of `path` was met before on the way there. */
function isOwnAncestor(container: object): boolean {
  let ancestor = root as Record<string | number, unknown>;
  return path.some((step) => {
    const found = ancestor === container;
    ancestor = ancestor[step] as Record<string | number, unknown>;
    return found;
  });
}

function checkSize(): void {
  if (at > atMax) tooLarge();
}

function tooLarge(): never {
  fail(TOO_LARGE, 'too many bytes');
}

function halfPair(): never {
  fail(INVALID_UTF8, 'half a surrogate pair');
}

function unsupported(what: string): never {
  fail(INVALID_ARGUMENT, what);
}

function fail(code: ValueErrorCode, what: string): never {
  let place = '';
  for (const step of path.slice(0, depth)) {
    place += typeof step === 'number' ? `[${step}]` : place ? `.${step}` : step;
  }
  throw new ValueError(code, `cannot store ${what}`, place);
}
