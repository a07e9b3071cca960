import { ErrorCode, TopGunError } from '../errors.js';

const utf8 = new TextDecoder('utf-8', { ignoreBOM: true });
/** Longer ones are made faster by the decoder than by adding up characters. */
const SHORT_TEXT = 12;
const TWO_32 = 2 ** 32;

/**
 * Reads the fields of the engine protocol: little-endian integers, LEB128 varints, length-prefixed
 * bytes. The bytes come from our own core, so a read past the end is a fault of ours and throws.
 */
export class ByteReader {
  readonly bytes: Uint8Array;
  offset: number;
  readonly end: number;

  constructor(bytes: Uint8Array, offset = 0, end = bytes.length) {
    this.bytes = bytes;
    this.offset = offset;
    this.end = end;
  }

  get done(): boolean {
    return this.offset >= this.end;
  }

  u8(): number {
    return this.bytes[this.advance(1)]!;
  }

  u16(): number {
    const at = this.advance(2);
    return this.bytes[at]! | (this.bytes[at + 1]! << 8);
  }

  u32(): number {
    const at = this.advance(4);
    const b = this.bytes;
    return (b[at]! | (b[at + 1]! << 8) | (b[at + 2]! << 16) | (b[at + 3]! << 24)) >>> 0;
  }

  /** A u64 as a number: exact up to 2^53, which every time is. */
  u64(): number {
    const low = this.u32();
    return this.u32() * TWO_32 + low;
  }

  bigU64(): bigint {
    const low = this.u32();
    return (BigInt(this.u32()) << 32n) | BigInt(low);
  }

  /** The next bytes in hexadecimal digits. */
  hex(bytes: number): string {
    return Array.from(this.raw(bytes), (byte) => byte.toString(16).padStart(2, '0')).join('');
  }

  varint(): number {
    const first = this.u8();
    if (first < 0x80) return first;
    let value = first & 0x7f;
    for (let scale = 128; ; scale *= 128) {
      const next = this.u8();
      value += (next & 0x7f) * scale;
      if (next < 0x80) return value;
    }
  }

  /** Bytes of a given size, borrowed from the input. */
  raw(size: number): Uint8Array {
    const at = this.advance(size);
    return this.bytes.subarray(at, at + size);
  }

  blob(): Uint8Array {
    return this.raw(this.varint());
  }

  text(): string {
    const size = this.varint();
    const from = this.advance(size);
    if (size <= SHORT_TEXT) {
      let text = '';
      let i = from;
      for (; i < this.offset; i++) {
        const unit = this.bytes[i]!;
        if (unit > 0x7f) break;
        text += String.fromCharCode(unit);
      }
      if (i === this.offset) return text;
    }
    return utf8.decode(this.bytes.subarray(from, this.offset));
  }

  skip(size: number): void {
    this.advance(size);
  }

  private advance(size: number): number {
    const at = this.offset;
    if (size > this.end - at) {
      throw new TopGunError(ErrorCode.Internal, 'the engine sent fewer bytes than it announced');
    }
    this.offset = at + size;
    return at;
  }
}
