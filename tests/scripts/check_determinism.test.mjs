import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

import { nativeTrace } from '../../scripts/check-determinism.mjs';
import { differences, simulatorTrace } from '../../scripts/lib/sim/builds.mjs';

test('determinism: equal traces have no difference', () => {
  const lines = ['seed 1 base 00ff', 'seed 2 base 0100'];
  assert.deepEqual(differences([{ name: 'a', lines }, { name: 'b', lines: [...lines] }]), []);
});

test('determinism: the builds, the seed and the section that differ are named', () => {
  const found = differences([
    { name: 'native', lines: ['seed 1 base 00ff', 'seed 1 value aaaa'] },
    { name: 'wasm', lines: ['seed 1 base 00ff', 'seed 1 value bbbb'] },
  ]);
  assert.equal(found.length, 1);
  for (const word of ['native', 'wasm', 'seed 1 value', 'aaaa', 'bbbb']) assert.ok(found[0].includes(word));
});

test('determinism: a missing section and an empty trace are differences', () => {
  assert.equal(differences([{ name: 'a', lines: ['x', 'y'] }, { name: 'b', lines: ['x'] }]).length, 1);
  assert.equal(differences([{ name: 'a', lines: [] }, { name: 'b', lines: [] }]).length, 1);
});

test('determinism: a program that answers differently each time is caught', () => {
  const folder = mkdtempSync(join(tmpdir(), 'topgun-trace-'));
  try {
    const program = join(folder, 'program');
    writeFileSync(program, '#!/bin/sh\necho "base $$"\n');
    chmodSync(program, 0o755);
    const first = nativeTrace(program, [1, 2]);
    const second = nativeTrace(program, [1, 2]);
    assert.equal(first.length, 2);
    assert.equal(differences([{ name: 'once', lines: first }, { name: 'again', lines: second }]).length, 2);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('determinism: runs of the simulator count whether they fail or not; one that dies does not', () => {
  const folder = mkdtempSync(join(tmpdir(), 'topgun-trace-'));
  try {
    const program = join(folder, 'program');
    const ending = (code) => {
      writeFileSync(program, `#!/bin/sh\necho '{"event":"run","seed":7,"trace":"00ff"}'\necho '{"event":"summary"}'\nexit ${code}\n`);
      chmodSync(program, 0o755);
    };
    for (const code of [0, 1]) {
      ending(code);
      assert.deepEqual(simulatorTrace(program, 1), ['simulated seed 7 00ff']);
    }
    ending(2);
    assert.throws(() => simulatorTrace(program, 1), /ended with 2/);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
