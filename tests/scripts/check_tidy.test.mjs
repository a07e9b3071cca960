import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

import { root } from '../../scripts/lib/repository.mjs';

const findings = [
  ['a type in lower case', 'struct thing { int a = 0; };', /identifier-naming/],
  ['a function in camel case', 'int doThing() { return 1; }', /identifier-naming/],
  ['a constant without its k', 'constexpr int limit = 3;', /identifier-naming/],
  ['a private member without its underscore', 'class A { int a = 0; public: int b() { return a; } };', /identifier-naming/],
  ['a use after a move', '#include <string>\n#include <utility>\nsize_t f(std::string a) { std::string b = std::move(a); return a.size() + b.size(); }', /use-after-move/],
  ['a constructor that converts silently', 'struct A { A(int b) : c(b) {} int c; };', /explicit/],
  ['code as it should be', 'constexpr int kLimit = 3;\nclass A { int a_ = 0; public: int a_limit() const { return a_ + kLimit; } };', null],
];

for (const [name, code, finding] of findings) {
  test(`tidy: ${name} is ${finding ? 'found' : 'fine'}`, () => {
    const folder = mkdtempSync(join(tmpdir(), 'topgun-tidy-'));
    try {
      mkdirSync(join(folder, 'core'));
      copyFileSync(join(root, '.clang-tidy'), join(folder, '.clang-tidy'));
      writeFileSync(join(folder, 'core/a.cpp'), `${code}\n`);
      const { status, stdout } = spawnSync('clang-tidy-14', ['--quiet', 'core/a.cpp', '--', '-std=c++20'], { cwd: folder, encoding: 'utf8' });
      assert.equal(status, finding ? 1 : 0, stdout);
      if (finding) assert.match(stdout, finding);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
}
