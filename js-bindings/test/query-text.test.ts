import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { textOf } from '../src/query/query.js';

test('query text: bytes of every length are what base64url makes of them', () => {
  for (let length = 0; length < 70; length++) {
    const bytes = randomBytes(length);
    assert.equal(textOf(bytes), bytes.toString('base64url'), bytes.toString('hex'));
  }
});
