#!/usr/bin/env node
// Files of a size that one can hold in one's head, in a text that every tool reads alike, and
// nothing of one particular machine in them.

import { files, isMain, lineAt, report } from './lib/repository.mjs';

export const kLinesMax = 500;

const kCode = /\.(hpp|cpp|ts|tsx|mjs|cjs|js)$/;

/** Things about `files` (`{path, text}`) that do not belong. */
export function findShape(sources) {
  const problems = [];
  for (const { path, text } of sources) {
    const lines = text.split('\n').length - 1;
    if (lines > kLinesMax && kCode.test(path)) {
      problems.push({ path, message: `${lines} lines, more than ${kLinesMax}: two concepts share a room` });
    }
    if (text !== '' && !text.endsWith('\n')) problems.push({ path, message: 'no newline at the end' });
    const patterns = [
      [/\r/, 'a carriage return'],
      [/[ \t]+$/m, 'white space at the end of the line', /\.md$/],
      [/\/(?:root|home\/\w+|Users\/\w+)\/\w/, 'a path of one particular machine'],
      [/^(?:<{7} |={7}$|>{7} )/m, 'a conflict marker'],
    ];
    for (const [pattern, message, except] of patterns) {
      const match = except?.test(path) ? null : pattern.exec(text);
      if (match) problems.push({ path, line: lineAt(text, match.index), message });
    }
  }
  return problems;
}

if (isMain(import.meta.url)) {
  const kText = /\.(hpp|cpp|ts|tsx|mjs|cjs|js|json|md|cmake|css|html|yml|yaml|sh)$|CMakeLists\.txt$|^(scripts|\.ci)\/[^.]+$/;
  const kNotOurs = /(^|\/)package-lock\.json$|^tests\/.*(corpus|fixtures?)\//;
  report('shape', findShape(files(kText).filter(({ path }) => !kNotOurs.test(path))));
}
