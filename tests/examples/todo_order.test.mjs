import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';

import { transform } from 'esbuild';

import { fromRoot } from '../support/paths.mjs';

const source = await readFile(fromRoot('examples/todo/src/order.ts'), 'utf8');
const { code } = await transform(source, { loader: 'ts', format: 'esm' });
const { positionBetween } = await import(`data:text/javascript,${encodeURIComponent(code)}`);

function assertBetween(low, middle, high) {
  assert.ok(low === undefined || low < middle, `${low} < ${middle}`);
  assert.ok(high === undefined || middle < high, `${middle} < ${high}`);
}

test('position: it lies between its neighbours', () => {
  const neighbours = [
    [undefined, undefined],
    [undefined, '1'],
    [undefined, '001'],
    ['z', undefined],
    ['zzzz', undefined],
    ['A', 'B'],
    ['A', 'A1'],
    ['Az', 'B'],
    ['Azzz9', 'B'],
  ];
  for (const [low, high] of neighbours) assertBetween(low, positionBetween(low, high), high);
});

test('position: there is always room for one more, at the same place a thousand times over', () => {
  let low = positionBetween(undefined, undefined);
  let high = positionBetween(low, undefined);
  for (let count = 0; count < 1000; count++) {
    const middle = positionBetween(low, high);
    assertBetween(low, middle, high);
    if (count % 2 === 0) low = middle;
    else high = middle;
  }
});

test('position: a list that grows at its ends keeps short positions', () => {
  let first = positionBetween(undefined, undefined);
  let last = first;
  for (let count = 0; count < 1000; count++) {
    const before = positionBetween(undefined, first);
    const after = positionBetween(last, undefined);
    assertBetween(undefined, before, first);
    assertBetween(last, after, undefined);
    [first, last] = [before, after];
  }
  assert.ok(Math.max(first.length, last.length) <= 8, `${first} to ${last}`);
});

test('position: neighbours that leave no room still give a position', () => {
  for (const [low, high] of [['B', 'A'], ['A', 'A'], ['A', 'A0'], ['A', 'A00']]) {
    assert.ok(positionBetween(low, high) > low);
  }
});

test('position: two replicas do not choose alike', () => {
  const chosen = new Set(Array.from({ length: 100 }, () => positionBetween('A', 'B')));
  assert.ok(chosen.size > 90, `${chosen.size} of 100 differ`);
});
