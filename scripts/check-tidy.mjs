#!/usr/bin/env node
// usage: check-tidy.mjs [source...]
//
// clang-tidy over the given sources, or over those that changed since this branch left main (on main
// itself: in the last commit), committed or not. Needs the compile commands of the dev preset.

import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { git, isMain, root } from './lib/repository.mjs';

function base() {
  const [head] = git('rev-parse', 'HEAD');
  const branches = git('for-each-ref', '--format=%(refname)', 'refs/remotes/origin/main', 'refs/heads/main');
  for (const main of branches) {
    const [commit] = git('merge-base', main, 'HEAD');
    if (commit !== head) return commit;
  }
  const [, parent] = git('rev-list', '--max-count=2', '--first-parent', 'HEAD');
  return parent ?? head; // A clone may hold one commit only.
}

/** Changed C++ sources that the dev preset compiles, relative to the root. */
export function changedSources() {
  const database = join(root, 'build/dev/compile_commands.json');
  if (!existsSync(database)) return [];
  const compiled = new Set(JSON.parse(readFileSync(database, 'utf8')).map(({ file }) => relative(root, file)));
  const changed = [
    ...git('diff', '--name-only', '--diff-filter=d', base()),
    ...git('ls-files', '--others', '--exclude-standard'),
  ];
  return [...new Set(changed)].filter((path) => compiled.has(path)).sort();
}

if (isMain(import.meta.url)) {
  const sources = process.argv.length > 2 ? process.argv.slice(2) : changedSources();
  if (sources.length > 0) {
    const result = spawnSync('clang-tidy-14', ['--quiet', '-p', 'build/dev', ...sources], { cwd: root, stdio: 'inherit' });
    if (result.error) throw result.error;
    process.exit(result.status ?? 1);
  }
}
