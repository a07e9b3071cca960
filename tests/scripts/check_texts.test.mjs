import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

import { findFormat } from '../../scripts/check-format.mjs';
import { findLinks } from '../../scripts/check-links.mjs';
import { findShape, kLinesMax } from '../../scripts/check-shape.mjs';

const home = ['', 'home', 'someone', 'topgun'].join('/');

const shapes = [
  ['an ordinary file', 'core/a.cpp', 'int a;\n', null],
  ['an empty file', 'core/a.cpp', '', null],
  ['a file of the greatest length', 'core/a.cpp', '\n'.repeat(kLinesMax), null],
  ['a longer file', 'core/a.cpp', '\n'.repeat(kLinesMax + 1), /more than/],
  ['a longer page of prose', 'docs/a.md', '\n'.repeat(kLinesMax + 1), null],
  ['a file without a last newline', 'core/a.cpp', 'int a;', /newline/],
  ['a carriage return', 'core/a.cpp', 'int a;\r\n', /carriage/],
  ['white space at the end', 'core/a.cpp', 'int a; \n', /white space/],
  ['a line break in Markdown', 'docs/a.md', 'a  \nb\n', null],
  ['the path of a machine', 'docs/a.md', `see ${home}\n`, /machine/],
  ['a conflict marker', 'core/a.cpp', `${'<'.repeat(7)} HEAD\n`, /conflict/],
];

for (const [name, path, text, message] of shapes) {
  test(`shape: ${name} is ${message ? 'refused' : 'fine'}`, () => {
    const problems = findShape([{ path, text }]);
    assert.equal(problems.length, message ? 1 : 0);
    if (message) assert.match(problems[0].message, message);
  });
}

const links = [
  ['a page beside it', '[a](b.md)', true],
  ['a page above it', '[a](../README.md)', true],
  ['a heading of another page', '[a](b.md#part)', true],
  ['a heading of this page', '[a](#part)', true],
  ['another site', '[a](https://example.org/x)', true],
  ['a page that is not there', '[a](gone.md)', false],
  ['an image that is not there', '![a](gone.svg "title")', false],
  ['an image in HTML that is not there', '<img src="gone.svg">', false],
  ['a link in code', '`[a](gone.md)`', true],
];

for (const [name, text, fine] of links) {
  test(`links: ${name} is ${fine ? 'fine' : 'refused'}`, () => {
    const there = ['docs/b.md', 'README.md'];
    assert.equal(findLinks([{ path: 'docs/a.md', text }], (path) => there.includes(path)).length, fine ? 0 : 1);
  });
}

test('format: a file that clang-format would change is named with its line', () => {
  const folder = mkdtempSync(join(tmpdir(), 'topgun-format-'));
  try {
    writeFileSync(join(folder, '.clang-format'), 'BasedOnStyle: Google\n');
    writeFileSync(join(folder, 'good.cpp'), 'int a;\n');
    writeFileSync(join(folder, 'bad.cpp'), 'int a;\nint   b;\n');
    const problems = findFormat(['good.cpp', 'bad.cpp'], folder);
    assert.deepEqual(problems.map(({ path, line }) => [path, line]), [['bad.cpp', 2]]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
