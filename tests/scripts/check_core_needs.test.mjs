import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';

import {
  forbiddenSymbols, importsBeyond, kImportsAllowed, undefinedSymbols, wasmImports,
} from '../../scripts/check-core-needs.mjs';

const folder = mkdtempSync(join(tmpdir(), 'topgun-needs-'));
after(() => rmSync(folder, { recursive: true }));

const kFlags = ['-std=c++20', '-O1'];

function archiveOf(name, code, flags = []) {
  const source = join(folder, `${name}.cpp`);
  const object = join(folder, `${name}.o`);
  const archive = join(folder, `${name}.a`);
  writeFileSync(source, code);
  execFileSync('c++', [...kFlags, ...flags, '-c', source, '-o', object]);
  execFileSync('ar', ['rcs', archive, object]);
  return archive;
}

const needs = [
  ['a clock', '#include <chrono>\nlong f() { return std::chrono::steady_clock::now().time_since_epoch().count(); }'],
  ['a clock', '#include <ctime>\nlong f() { return time(nullptr); }'],
  ['a random device', '#include <random>\nunsigned f() { return std::random_device()(); }'],
  ['a random device', '#include <cstdlib>\nint f() { return rand(); }'],
  ['a file or terminal', '#include <cstdio>\nvoid f(int i) { std::printf("%d", i); }'],
  ['a file or terminal', '#include <fstream>\nvoid f() { std::ofstream("x") << 1; }'],
  ['a socket', '#include <sys/socket.h>\nint f() { return socket(1, 2, 3); }'],
  ['a thread', '#include <thread>\nvoid f() { std::thread([] {}).join(); }'],
  ['a thread', '#include <mutex>\nstd::mutex m; void f() { m.lock(); }'],
  ['the environment', '#include <cstdlib>\nchar* f() { return getenv("HOME"); }'],
  ['an unordered order', '#include <unordered_map>\nint f(std::unordered_map<int, int>& m) { return m[3]; }'],
  ['an exception', 'void f() { throw 1; }'],
];

for (const [index, [what, code]] of needs.entries()) {
  test(`core needs: ${what} is found in an archive (${index + 1})`, () => {
    const found = forbiddenSymbols(undefinedSymbols(archiveOf(`need_${index}`, code)));
    assert.ok(found.some((problem) => problem.what === what), JSON.stringify(found));
    assert.equal(found[0].object, `need_${index}.o`);
  });
}

test('core needs: memory, strings and vectors are no need', () => {
  const code = `
#include <algorithm>
#include <map>
#include <string>
#include <vector>
std::string f(std::vector<std::string> v, std::map<int, int> m) {
  std::sort(v.begin(), v.end());
  m[1] = 2;
  return v.at(0) + v.back() + std::string(static_cast<size_t>(m.size()), 'x');
}`;
  assert.deepEqual(forbiddenSymbols(undefinedSymbols(archiveOf('harmless', code, ['-fno-exceptions', '-fno-rtti']))), []);
});

test('core needs: an import that is not on the list is found in a WebAssembly module', () => {
  const source = join(folder, 'clock.cpp');
  const module = join(folder, 'clock.wasm');
  writeFileSync(source, '#include <ctime>\nextern "C" __attribute__((export_name("f"))) long f() { return time(nullptr); }');
  execFileSync('em++', ['-O1', '-sSTANDALONE_WASM', '--no-entry', source, '-o', module], {
    env: { ...process.env, NODE_PATH: '/usr/share/nodejs' },
  });
  const beyond = importsBeyond(wasmImports(module));
  assert.ok(beyond.some((name) => name.includes('clock_time_get')), beyond.join());
});

test('core needs: the list of imports has at most four names', () => {
  assert.ok(kImportsAllowed.length <= 4);
  assert.deepEqual(importsBeyond(kImportsAllowed.map((name) => ({ module: name.split('.')[0], name: name.split('.')[1] }))), []);
});
