// What moving bytes into WebAssembly is worth: hashing, and validating and re-encoding values, against
// the same done in JavaScript. Copying the input into the module's memory is on the clock.

import assert from 'node:assert/strict';
import { pack, unpack } from 'msgpackr';
import { NativeOperations, WasmOperations } from '../contenders/operations.mjs';
import { fnv1a, interleave, time_ms } from '../lib/measure.mjs';
import { progress } from '../lib/results.mjs';

export async function run(results, { smoke }) {
  await hashing(results, { smoke });
  await reencoding(results, { smoke });
}

async function hashing(results, { smoke }) {
  progress('wasm: hashing');
  const bytes = Uint8Array.from({ length: smoke ? 1000 : 1 << 20 }, (_, i) => i * 7);
  const wasm = new WasmOperations();
  const native = new NativeOperations();
  // XXH3 and FNV-1a give different hashes; what can be compared is that each is the same everywhere.
  assert.equal(wasm.hash(bytes).result, (await native.hash(bytes)).result);
  assert.equal(fnv1a('foobar'), 0xbf9cf968, 'the published vector of FNV-1a');
  native.close();

  const repeated = (body) => async () => {
    const calls = smoke ? 1 : 20;
    return (await time_ms(() => {
      for (let i = 0; i < calls; i++) body();
    })) / calls;
  };
  const times = await interleave(smoke ? 1 : 11, {
    'in memory': repeated(() => wasm.hashInPlace()),
    copied: repeated(() => wasm.hash(bytes)),
    JavaScript: repeated(() => fnv1a(bytes)),
  });
  const name = `hash of ${bytes.length} bytes`;
  const baseline = { name: 'FNV-1a in JavaScript', value: times.JavaScript };
  results.add({
    case: name, metric: 'wasm', value: times.copied, unit: 'ms', baseline,
    ratio: times.JavaScript / times.copied, bar: ['>=', 5],
  });
  results.add({
    case: name, metric: 'wasm, bytes already in its memory', value: times['in memory'], unit: 'ms', baseline,
    ratio: times.JavaScript / times['in memory'],
  });
}

async function reencoding(results, { smoke }) {
  progress('wasm: validating and re-encoding');
  const count = smoke ? 100 : 10_000;
  const records = Array.from({ length: count }, (_, i) => ({
    created: 1_700_000_000 + i,
    done: i % 3 === 0,
    id: `record-${i}`,
    priority: i % 5,
    tags: ['one', `tag${i % 17}`],
    title: `A title of ordinary length, number ${i}`,
  }));
  const encoded = records.map((record) => pack(record));
  const framed = frame(encoded);

  const wasm = new WasmOperations();
  const batches = wasm.transform('make_records', framed).output;
  const reencoded = wasm.transform('reencode', batches);
  assert.equal(reencoded.result, count);
  assert.deepEqual(reencoded.output, batches, 'what was encoded by the core is encoded alike again');
  const canonical = wasm.transform('canonicalize', framed);
  assert.deepEqual(unframe(canonical.output).map((bytes) => unpack(bytes)), records);
  assert.deepEqual(encoded.map((bytes) => unpack(pack(unpack(bytes)))), records);

  const times = await interleave(smoke ? 1 : 15, {
    reencode: () => wasm.transform('reencode', batches).ms,
    canonicalize: () => wasm.transform('canonicalize', framed).ms,
    msgpackr: () => time_ms(() => {
      for (const bytes of encoded) pack(unpack(bytes));
    }),
  });
  const name = `${count} records of six fields`;
  const baseline = { name: 'msgpackr, unpack and pack', value: times.msgpackr };
  results.add({
    case: name, metric: 'validate and re-encode', value: times.reencode, unit: 'ms', baseline,
    ratio: times.msgpackr / times.reencode, bar: ['>=', 2],
  });
  results.add({
    case: name, metric: 'validate and sort into canonical form', value: times.canonicalize, unit: 'ms', baseline,
    ratio: times.msgpackr / times.canonicalize,
  });
}

/** Pieces behind a u32 of their size each. */
function frame(pieces) {
  const framed = new Uint8Array(pieces.reduce((sum, { length }) => sum + 4 + length, 0));
  const view = new DataView(framed.buffer);
  let at = 0;
  for (const piece of pieces) {
    view.setUint32(at, piece.length, true);
    framed.set(piece, at + 4);
    at += 4 + piece.length;
  }
  return framed;
}

function unframe(framed) {
  const view = new DataView(framed.buffer, framed.byteOffset, framed.byteLength);
  const pieces = [];
  for (let at = 0; at < framed.length; ) {
    const size = view.getUint32(at, true);
    pieces.push(framed.subarray(at + 4, at + 4 + size));
    at += 4 + size;
  }
  return pieces;
}
