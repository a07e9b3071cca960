import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';

import {
  Extension,
  VALUE_BYTES_MAX,
  ValueError,
  ValueErrorCode,
  ValueWriter,
  decodeValue,
  encodeValue,
} from '../src/value/msgpack.js';

const fromHex = (hex: string) => new Uint8Array(Buffer.from(hex, 'hex'));
const toHex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

function encoded(value: unknown): Uint8Array {
  const writer = new ValueWriter();
  encodeValue(value, writer);
  return writer.take();
}

const roundTrip = (value: unknown) => decodeValue(encoded(value));

function refusal(work: () => unknown): ValueError {
  try {
    work();
  } catch (error) {
    assert(error instanceof ValueError, `threw ${String(error)}`);
    return error;
  }
  assert.fail('nothing was thrown');
}

interface Vector {
  name: string;
  javascript: string;
  msgpack: string;
  canonical: string;
  error: string;
}

/** The vectors lie beside the C++ tests, wherever the bundle of this file runs. */
function readVectors(): Vector[] {
  const file = process.env.TOPGUN_VECTORS_DIR
    ? `${process.env.TOPGUN_VECTORS_DIR}/value.tsv`
    : '../tests/vectors/value.tsv';
  const [header, ...rows] = readFileSync(file, 'utf8').trimEnd().split('\n');
  assert.equal(header, 'name\torder\tjavascript\tmsgpack\tcanonical\terror');
  assert(rows.length > 200);
  return rows.map((row) => {
    const [name, , javascript, msgpack, canonical, error] = row.split('\t') as [
      string, string, string, string, string, string,
    ];
    return { name, javascript, msgpack, canonical, error };
  });
}

const evaluate = (javascript: string): unknown =>
  new Function('u8', 'Extension', `return ${javascript};`)(fromHex, Extension);

const errorNames: { [name: string]: ValueErrorCode } = {
  truncated: ValueErrorCode.Truncated,
  malformed: ValueErrorCode.Malformed,
  'too-deep': ValueErrorCode.TooDeep,
  'invalid-utf-8': ValueErrorCode.InvalidUtf8,
};

test('vectors: each input decodes to its value or is refused as stated', () => {
  for (const { name, javascript, msgpack, error } of readVectors()) {
    if (error) {
      assert.equal(refusal(() => decodeValue(fromHex(msgpack))).code, errorNames[error], name);
      continue;
    }
    const value = decodeValue(fromHex(msgpack));
    if (javascript) assert.deepStrictEqual(value, evaluate(javascript), name);
  }
});

test('vectors: each value encodes to its canonical form', () => {
  for (const { name, javascript, canonical } of readVectors()) {
    if (javascript) assert.equal(toHex(encoded(evaluate(javascript))), canonical, name);
  }
});

test('a value is read from the middle of other bytes and must fill its length', () => {
  const bytes = fromHex('ffff93010203ffff');
  assert.deepEqual(decodeValue(bytes, 2, 4), [1, 2, 3]);
  assert.equal(refusal(() => decodeValue(bytes, 2, 3)).code, ValueErrorCode.Truncated);
  assert.equal(refusal(() => decodeValue(bytes, 2, 5)).code, ValueErrorCode.Malformed);
  assert.equal(refusal(() => decodeValue(bytes, 2, 50)).code, ValueErrorCode.Truncated);
});

test('decoded binary does not change with the bytes it came from', () => {
  const bytes = fromHex('c40101');
  const binary = decodeValue(bytes);
  bytes[2] = 9;
  assert.deepEqual(binary, new Uint8Array([1]));
});

test('numbers around every power of two round-trip and stay numbers', () => {
  for (let power = -1074; power < 1024; power++) {
    for (const offset of [-1, -0.5, 0, 0.5, 1]) {
      for (const sign of [1, -1]) {
        const number = sign * (2 ** power + offset);
        assert(Object.is(roundTrip(number), number), String(number));
      }
    }
  }
});

test('bigints around every power of two round-trip and stay bigints', () => {
  for (let power = 0n; power < 200n; power++) {
    for (const offset of [-1n, 0n, 1n]) {
      for (const sign of [1n, -1n]) {
        const value = sign * (2n ** power + offset);
        assert.equal(roundTrip(value), value);
      }
    }
  }
});

test('a bigint may have 1024 bytes and no more', () => {
  const largest = 2n ** 8192n - 1n;
  assert.equal(roundTrip(largest), largest);
  assert.equal(refusal(() => encoded(largest + 1n)).code, ValueErrorCode.TooLarge);
});

test('text of any script and length round-trips', () => {
  for (const piece of ['a', '\u00e9', '\u20ac', '\u{1f600}', 'a\u00e9\u20ac\u{1f600}', '\0']) {
    for (const count of [0, 1, 10, 11, 15, 16, 31, 32, 47, 48, 85, 86, 255, 256, 20_000, 70_000]) {
      const text = piece.repeat(count);
      assert.equal(roundTrip(text), text, `${count} times ${piece}`);
    }
  }
});

test('half a surrogate pair is refused, alone and within long text', () => {
  for (const text of ['\ud800', 'a\udc00b', '\ud800'.padEnd(100, 'x'), '\udc00\ud800']) {
    assert.equal(refusal(() => encoded(text)).code, ValueErrorCode.InvalidUtf8);
    assert.equal(refusal(() => encoded({ [text]: 1 })).code, ValueErrorCode.InvalidUtf8);
  }
});

test('dates keep their milliseconds, and round what is finer towards the past', () => {
  for (const time of [0, 1, -1, 999, -999, 1e12 + 123, -62_135_596_800_000, 8.64e15, -8.64e15]) {
    assert.deepEqual(roundTrip(new Date(time)), new Date(time));
  }
  assert.deepEqual(decodeValue(fromHex('d7ff000f423c00000000')), new Date(0));
  assert.deepEqual(decodeValue(fromHex('c70cff3b9ac9ffffffffffffffffff')), new Date(-1));
});

test('undefined is left out of objects and is null elsewhere', () => {
  assert.deepEqual(roundTrip({ a: undefined, b: 1 }), { b: 1 });
  assert.deepEqual(roundTrip([undefined, , 1]), [null, null, 1]);
  assert.equal(roundTrip(undefined), null);
  const many = Object.fromEntries(
    Array.from({ length: 20 }, (_, i) => [`k${i}`, i < 10 ? undefined : i]),
  );
  assert.equal(encoded(many)[0], 0x8a);
  assert.deepEqual(roundTrip(many), JSON.parse(JSON.stringify(many)));
});

test('keys are in canonical order whatever their order in the object', () => {
  const forth = { title: 'x', id: 1, done: false };
  const back = { done: false, id: 1, title: 'x' };
  for (let round = 0; round < 3; round++) {
    assert.equal(toHex(encoded(forth)), toHex(encoded(back)));
  }
  assert.deepEqual(Object.keys(roundTrip(forth) as object), ['done', 'id', 'title']);
  // Same number of keys and same first and last one: another kind of object all the same.
  assert.deepEqual(roundTrip({ title: 1, xx: 2, done: 3 }), { title: 1, xx: 2, done: 3 });
});

test('large objects round-trip', () => {
  for (const count of [15, 16, 33, 65_535, 65_536]) {
    const object = Object.fromEntries(Array.from({ length: count }, (_, i) => [`k${i}`, i]));
    assert.deepEqual(roundTrip(object), object);
  }
});

test('instances of classes are stored as their own properties', () => {
  class Point {
    constructor(
      readonly x: number,
      readonly y: number,
    ) {}
  }
  assert.deepEqual(roundTrip(new Point(1, 2)), { x: 1, y: 2 });
  assert.deepEqual(roundTrip(Object.assign(Object.create(null), { a: 1 })), { a: 1 });
  assert.deepEqual(roundTrip(Buffer.from('ab')), new Uint8Array([97, 98]));
});

test('a key named __proto__ is a property and no prototype', () => {
  const value = roundTrip(JSON.parse('{"__proto__":{"admin":true}}')) as { admin?: boolean };
  assert.equal(value.admin, undefined);
  assert.deepEqual(Object.keys(value), ['__proto__']);
  assert.equal(Object.getPrototypeOf(value), Object.prototype);
});

test('what cannot be stored is refused with its place and leaves the writer as it was', () => {
  const cyclic: unknown[] = [];
  cyclic.push({ self: cyclic });
  let deep: unknown = 1;
  for (let i = 0; i < 33; i++) deep = [deep];
  const { InvalidArgument, TooDeep } = ValueErrorCode;
  const cases: [unknown, ValueErrorCode, string, RegExp][] = [
    [() => 1, InvalidArgument, '', /function/],
    [{ a: { b: [1, () => 1] } }, InvalidArgument, 'a.b[1]', /function.* at a\.b\[1\]/],
    [[{ a: 1, b: Symbol('x') }], InvalidArgument, '[0].b', /symbol/],
    [{ a: [1, 2, 3], m: new Map() }, InvalidArgument, 'm', /Map/],
    [{ s: new Set() }, InvalidArgument, 's', /Set/],
    [[/x/], InvalidArgument, '[0]', /RegExp/],
    [new Float64Array(2), InvalidArgument, '', /Float64Array/],
    [{ d: new Date(NaN) }, InvalidArgument, 'd', /invalid Date/],
    [{ e: new Extension(1, new Uint8Array(1)) }, InvalidArgument, 'e', /type 1/],
    [new Extension(128, new Uint8Array(1)), InvalidArgument, '', /type 128/],
    [cyclic, InvalidArgument, '[0].self'.repeat(16), /contains itself/],
    [deep, TooDeep, '[0]'.repeat(32), /deeper than 32/],
    [{ key: '\ud800' }, ValueErrorCode.InvalidUtf8, 'key', /surrogate/],
  ];
  for (const [value, code, path, message] of cases) {
    const writer = new ValueWriter(4);
    encodeValue('kept', writer);
    const error = refusal(() => encodeValue(value, writer));
    assert.equal(error.code, code);
    assert.equal(error.path, path);
    assert.match(error.message, message);
    assert.equal(decodeValue(writer.take()), 'kept');
  }
});

test('a getter that encodes is refused, and encoding goes on working', () => {
  const value = { get nested() { return encoded(1); } };
  assert.match(refusal(() => encoded(value)).message, /getter/);
  assert.deepEqual(roundTrip([1]), [1]);
});

test('size is bounded before it is spent', () => {
  assert.equal(roundTrip('x'.repeat(VALUE_BYTES_MAX - 5)), 'x'.repeat(VALUE_BYTES_MAX - 5));
  let shared: unknown = ['x'.repeat(100)];
  for (let i = 0; i < 30; i++) shared = [shared, shared];
  const large = [
    'x'.repeat(VALUE_BYTES_MAX),
    new Uint8Array(VALUE_BYTES_MAX),
    new Uint8Array(2 ** 30),
    new Extension(5, new Uint8Array(2 ** 30)),
    new Array(1e9),
    shared,
    ['x'.repeat(600_000), 'y'.repeat(600_000)],
  ];
  for (const value of large) {
    assert.equal(refusal(() => encoded(value)).code, ValueErrorCode.TooLarge);
  }
});

test('several values share a writer', () => {
  const writer = new ValueWriter(1);
  encodeValue(1, writer);
  const second = writer.size;
  encodeValue({ a: [2] }, writer);
  assert.deepEqual(decodeValue(writer.bytes, second, writer.size - second), { a: [2] });
  writer.size = 0;
  encodeValue('again', writer);
  assert.equal(decodeValue(writer.take()), 'again');
});

test('damaged bytes are refused with a ValueError or decode to something that encodes again', () => {
  const bytes = encoded({
    id: 'a-1', tags: ['x', 1.5, -3], when: new Date(5), big: -(2n ** 70n), raw: new Uint8Array(3),
  });
  let accepted = 0;
  for (let at = 0; at < bytes.length; at++) {
    for (let byte = 0; byte < 256; byte++) {
      const damaged = bytes.slice();
      damaged[at] = byte;
      try {
        encoded(decodeValue(damaged));
        accepted++;
      } catch (error) {
        assert(error instanceof ValueError, String(error));
      }
    }
  }
  assert(accepted > 0);
});
