import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

import { ctestCounts, nodeCounts } from '../../scripts/lib/counts.mjs';

test('counts: summaries of several runs add up, in either notation', () => {
  const output = '# pass 3\n# fail 1\n# cancelled 1\n# skipped 2\nℹ pass 4\nℹ fail 0\n';
  assert.deepEqual(nodeCounts(output), { passed: 7, failed: 2, skipped: 2 });
});

test('counts: no summary is no count', () => {
  assert.equal(nodeCounts('Error: cannot find module'), null);
});

test("counts: what node's runner of this version prints is understood", () => {
  const folder = mkdtempSync(join(tmpdir(), 'topgun-counts-'));
  try {
    const file = join(folder, 'sample.test.mjs');
    writeFileSync(file, `import { test } from 'node:test';
test('one', () => {}); test('two', () => { throw new Error('x'); }); test('three', { skip: true }, () => {});`);
    for (const reporter of ['tap', 'spec']) {
      let output;
      try {
        // The variable would make the inner run report to this one.
        const env = { ...process.env, NODE_TEST_CONTEXT: undefined };
        output = execFileSync('node', ['--test', `--test-reporter=${reporter}`, file], { encoding: 'utf8', env });
      } catch (error) {
        output = error.stdout;
      }
      assert.deepEqual(nodeCounts(output), { passed: 1, failed: 1, skipped: 1 }, reporter);
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
});

const junit = (status, body) => `<testcase name="x" classname="x" status="${status}">${body}</testcase>`;
const doctest = (passed, failed) => `[doctest] test cases: ${passed + failed} | ${passed} passed | ${failed} failed | 9 skipped`;

const runs = [
  ['test cases count one by one', junit('run', doctest(5, 0)), 5, 0],
  ['failed test cases count as such', junit('fail', doctest(4, 2)), 4, 2],
  ['a crash after passing test cases is a failure', junit('fail', doctest(4, 0)), 4, 1],
  ['a crash before any summary is a failure', junit('fail', 'Segmentation fault'), 0, 1],
  ['a program without test cases counts as one', junit('run', 'fine'), 1, 0],
  ['a program that was not found is a failure', junit('notrun', ''), 0, 1],
  ['several programs add up', junit('run', doctest(2, 0)) + junit('run', doctest(3, 0)), 5, 0],
];

for (const [name, text, passed, failed] of runs) {
  test(`counts: ${name}`, () => {
    assert.deepEqual(ctestCounts(text), { passed, failed, skipped: 0 });
  });
}
