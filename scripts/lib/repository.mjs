// The files of the repository, as the checks see them: tracked files and new ones that are not
// ignored, with their text.

import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');

/** Output lines of a git command at the root, without empty ones. */
export function git(...args) {
  const text = execFileSync('git', args, { cwd: root, encoding: 'utf8', maxBuffer: 1 << 26 });
  return text.split('\n').filter((line) => line !== '');
}

/**
 * Files whose path matches, sorted by path.
 * @param {RegExp} pattern
 * @returns {{path: string, text: string}[]}
 */
export function files(pattern) {
  return git('ls-files', '--cached', '--others', '--exclude-standard')
    .filter((path) => pattern.test(path) && existsSync(join(root, path)))
    .sort()
    .map((path) => ({ path, text: readFileSync(join(root, path), 'utf8') }));
}

/** The line, from 1, that holds the character at `index`. */
export function lineAt(text, index) {
  let line = 1;
  for (let at = text.indexOf('\n'); at !== -1 && at < index; at = text.indexOf('\n', at + 1)) line++;
  return line;
}

/**
 * Prints problems as `path:line: message`, ends the process with 1 if there are any.
 * @param {string} rule what was checked, for the line that says all is well
 * @param {{path: string, line?: number, message: string}[]} problems
 */
export function report(rule, problems) {
  for (const { path, line, message } of problems) {
    console.error(`${path}${line === undefined ? '' : `:${line}`}: ${message}`);
  }
  if (problems.length > 0) {
    console.error(`${rule}: ${problems.length} problem${problems.length === 1 ? '' : 's'}`);
    process.exit(1);
  }
  console.log(`${rule}: fine`);
}

/** Whether the module at this URL is the program that was started. */
export function isMain(url) {
  return process.argv[1] !== undefined && fileURLToPath(url) === process.argv[1];
}
