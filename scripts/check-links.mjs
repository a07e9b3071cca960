#!/usr/bin/env node
// Links between the pages of the repository lead somewhere.

import { existsSync } from 'node:fs';
import { join, posix } from 'node:path';
import { files, isMain, lineAt, report, root } from './lib/repository.mjs';

/** Links in `pages` (`{path, text}`) to files for which `exists(path)` is false. */
export function findLinks(pages, exists) {
  const problems = [];
  for (const { path, text } of pages) {
    const prose = text.replace(/^```[\s\S]*?^```|`[^`\n]*`/gm, (code) => code.replace(/[^\n]/g, ' '));
    for (const match of prose.matchAll(/\]\(\s*([^)\s]+)[^)]*\)|(?:src|href)="([^"]+)"/g)) {
      const target = decodeURI((match[1] ?? match[2]).replace(/[#?].*$/, ''));
      if (target === '' || /^[a-z][a-z+.-]*:/i.test(target)) continue;
      const file = posix.join(target.startsWith('/') ? '' : posix.dirname(path), target);
      if (!exists(file)) {
        problems.push({ path, line: lineAt(text, match.index), message: `${target} is not there` });
      }
    }
  }
  return problems;
}

if (isMain(import.meta.url)) {
  report('links', findLinks(files(/\.md$/), (path) => existsSync(join(root, path))));
}
