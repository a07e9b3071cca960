import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { ErrorCode } from '../src/errors.js';
import type { StorageAdapter } from '../src/storage/adapter.js';
import { FileStorage } from '../src/storage/file.js';

const directory = mkdtempSync(join(tmpdir(), 'topgun-file-'));
after(() => rmSync(directory, { recursive: true }));

const quiet = { waiting: () => undefined, lost: () => undefined };
const row = (key: string, ...value: number[]) => ({ key, value: Uint8Array.from(value) });

/** The rows of a store that is opened for this alone, by name. */
async function rowsIn(storage: StorageAdapter): Promise<Record<string, number[]>> {
  await storage.open(quiet);
  const rows = await storage.load().finally(() => storage.close());
  return Object.fromEntries(rows.map(({ key, value }) => [key, [...value]]));
}

async function fileWith(name: string, ...keys: string[]): Promise<string> {
  const path = join(directory, name);
  const storage = new FileStorage(path);
  await storage.open(quiet);
  await storage.load();
  for (const key of keys) await storage.transact({ puts: [row(key, 1, 2, 3)], deletes: [] });
  await storage.close();
  return path;
}

test('file storage: what was stored is back, deletions included', async () => {
  const path = await fileWith('reload', 'a', 'b');
  const storage = new FileStorage(path);
  await storage.open(quiet);
  await storage.load();
  await storage.transact({ puts: [row('ä', 7), row('b')], deletes: ['a'] });
  await storage.close();
  assert.deepEqual(await rowsIn(new FileStorage(path)), { ä: [7], b: [] });
});

test('file storage: a torn last transaction is cut off wherever it tears', async () => {
  const path = await fileWith('torn', 'a', 'b');
  const whole = readFileSync(path);
  const afterFirst = 4 + (whole.length - 4) / 2;
  for (let size = afterFirst; size < whole.length; size++) {
    writeFileSync(path, whole.subarray(0, size));
    assert.deepEqual(await rowsIn(new FileStorage(path)), { a: [1, 2, 3] }, `cut to ${size}`);
    assert.equal(statSync(path).size, afterFirst);
  }
});

test('file storage: damage before the end is reported and nothing is cut off', async () => {
  const path = await fileWith('damaged', 'a', 'b');
  const whole = readFileSync(path);
  const afterFirst = 4 + (whole.length - 4) / 2;
  for (let at = 0; at < afterFirst; at++) {
    const damaged = Buffer.from(whole);
    damaged[at]! ^= 0x40;
    writeFileSync(path, damaged);
    await assert.rejects(rowsIn(new FileStorage(path)), { code: ErrorCode.StorageCorrupt }, `${at}`);
    assert.equal(statSync(path).size, whole.length);
  }
});

test('file storage: overwriting rows does not let the file grow without bound', async () => {
  const path = join(directory, 'compacted');
  const storage = new FileStorage(path);
  await storage.open(quiet);
  await storage.load();
  const value = new Uint8Array(64 * 1024).fill(5);
  for (let n = 0; n < 100; n++) {
    await storage.transact({ puts: [{ key: `k${n % 4}`, value }, row('n', n)], deletes: [] });
  }
  await storage.close();
  assert.ok(statSync(path).size < 3 * 4 * value.length + (2 << 20), `${statSync(path).size} bytes`);
  const rows = await rowsIn(new FileStorage(path));
  assert.deepEqual(Object.keys(rows).sort(), ['k0', 'k1', 'k2', 'k3', 'n']);
  assert.deepEqual(rows['n'], [99]);
});

test('file storage: a second client waits until the first one closes', async () => {
  const path = await fileWith('shared', 'a');
  const first = new FileStorage(path);
  await first.open(quiet);
  await first.load();
  let waited = false;
  const second = new FileStorage(path);
  const opening = second.open({ ...quiet, waiting: () => void (waited = true) });
  await first.transact({ puts: [row('late', 9)], deletes: [] });
  await first.close();
  await opening;
  assert.equal(waited, true);
  assert.equal((await second.load()).length, 2);
  await second.close();
});

test('file storage: the lock of a process that was killed is taken over', async () => {
  const path = await fileWith('orphaned', 'a');
  const holder = spawn(process.execPath, ['-e', 'setInterval(() => 0, 1000)']);
  await new Promise((resolve) => holder.once('spawn', resolve));
  writeFileSync(`${path}.lock`, String(holder.pid));
  const dead = new Promise((resolve) => holder.once('exit', resolve));
  holder.kill('SIGKILL');
  await dead;
  assert.deepEqual(await rowsIn(new FileStorage(path)), { a: [1, 2, 3] });
});
