import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { promisify } from 'node:util';

import { fromRoot } from '../support/paths.mjs';

const run = promisify(execFile);

for (const example of ['todo', 'board', 'simulator']) {
  test(`examples: ${example} has no type errors`, async () => {
    try {
      await run(fromRoot('node_modules/.bin/tsc'), ['-p', fromRoot(`examples/${example}`)]);
    } catch (error) {
      throw new Error(error.stdout);
    }
  });
}
