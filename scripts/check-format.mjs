#!/usr/bin/env node
// C++ is laid out as .clang-format says. `--fix` does it.

import { spawnSync } from 'node:child_process';
import { files, isMain, report, root } from './lib/repository.mjs';

/** Problems of the files at `paths`, relative to `cwd`. */
export function findFormat(paths, cwd = root) {
  const result = spawnSync('clang-format-14', ['--dry-run', ...paths], { cwd, encoding: 'utf8' });
  if (result.error) throw result.error;
  const found = new Map();
  for (const match of result.stderr.matchAll(/^(.+?):(\d+):\d+: (?:warning|error): /gm)) {
    if (!found.has(match[1])) found.set(match[1], Number(match[2]));
  }
  return [...found].map(([path, line]) => ({ path, line, message: 'not laid out as clang-format-14 would; npm run format' }));
}

if (isMain(import.meta.url)) {
  const paths = files(/\.(hpp|cpp)$/).map(({ path }) => path);
  if (process.argv.includes('--fix')) {
    spawnSync('clang-format-14', ['-i', ...paths], { cwd: root, stdio: 'inherit' });
  }
  report('format', findFormat(paths));
}
