const table = new Int32Array(256);
for (let n = 0; n < 256; n++) {
  let remainder = n;
  for (let bit = 0; bit < 8; bit++) {
    remainder = remainder & 1 ? (remainder >>> 1) ^ 0xedb88320 : remainder >>> 1;
  }
  table[n] = remainder;
}

/** CRC-32 as in zip and PNG (polynomial 0x04c11db7, reflected). */
export function crc32(bytes: Uint8Array): number {
  let remainder = -1;
  for (const byte of bytes) remainder = table[(remainder ^ byte) & 0xff]! ^ (remainder >>> 8);
  return ~remainder >>> 0;
}
