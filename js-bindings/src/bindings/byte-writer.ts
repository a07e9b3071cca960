import { ErrorCode, TopGunError } from '../errors.js';
import { ValueWriter } from '../value/msgpack.js';

const TWO_32 = 2 ** 32;
const utf8 = new TextEncoder();

/** Writes what the protocols are made of: integers, varints, blobs and text (`docs/protocol.md`). */
export class ByteWriter {
  readonly writer: ValueWriter;

  constructor(capacity = 256) {
    this.writer = new ValueWriter(capacity);
  }

  text(text: string): void {
    const writer = this.writer;
    const units = text.length;
    writer.reserve(units * 3 + 10);
    const bytes = writer.bytes;
    if (units < 128) {
      // Nearly every key: short and ASCII, so that one byte of length is right and a loop suffices.
      const start = writer.size + 1;
      let i = 0;
      for (; i < units; i++) {
        const unit = text.charCodeAt(i);
        if (unit > 0x7f) break;
        bytes[start + i] = unit;
      }
      if (i === units) {
        bytes[start - 1] = units;
        writer.size = start + units;
        return;
      }
    }
    // The encoder would replace half a surrogate pair, and make two keys of JavaScript one.
    if (/\p{Surrogate}/u.test(text)) {
      throw new TopGunError(ErrorCode.InvalidUtf8, 'text with half a surrogate pair');
    }
    this.blob(utf8.encode(text));
  }

  blob(blob: Uint8Array): void {
    this.varint(blob.length);
    this.raw(blob);
  }

  raw(raw: Uint8Array): void {
    const writer = this.writer;
    writer.reserve(raw.length);
    writer.bytes.set(raw, writer.size);
    writer.size += raw.length;
  }

  u8(value: number): void {
    this.writer.reserve(1);
    this.writer.bytes[this.writer.size++] = value;
  }

  varint(value: number): void {
    let rest = value;
    while (rest >= 0x80) {
      this.u8((rest % 128) | 0x80);
      rest = Math.floor(rest / 128);
    }
    this.u8(rest);
  }

  u32(value: number): void {
    this.u8(value & 0xff);
    this.u8((value >>> 8) & 0xff);
    this.u8((value >>> 16) & 0xff);
    this.u8(value >>> 24);
  }

  u64(value: number): void {
    this.u32(value % TWO_32 >>> 0);
    this.u32(Math.floor(value / TWO_32));
  }

  bigU64(value: bigint): void {
    this.u32(Number(value & 0xffffffffn));
    this.u32(Number(value >> 32n));
  }
}
