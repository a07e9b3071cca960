// usage: node scripts/generate-errors.mjs [--check]
// Writes src/error-codes.ts from core/base/error.{hpp,cpp}, so that the lists cannot drift apart.
// With --check it writes nothing and fails when the file is not what it would write.
import { readFileSync, writeFileSync } from 'node:fs';

const headerUrl = new URL('../../core/base/error.hpp', import.meta.url);
const sourceUrl = new URL('../../core/base/error.cpp', import.meta.url);
const targetUrl = new URL('../src/error-codes.ts', import.meta.url);

const header = readFileSync(headerUrl, 'utf8');
const body = /enum class Error : uint16_t \{([\s\S]*?)\n\};/.exec(header)?.[1];
if (body === undefined) throw new Error('core/base/error.hpp holds no `enum class Error`');

const source = readFileSync(sourceUrl, 'utf8');

/** The spelling that `error_name` returns for an enumerator. */
function spelling(name) {
  const match = new RegExp(`case Error::${name}:\\s*return "([a-z0-9-]+)";`).exec(source);
  if (match === null) throw new Error(`core/base/error.cpp does not spell Error::${name}`);
  return match[1];
}

/** The spelling that a name stands for, as the written file has it, too. */
const spelled = (name) => name.replace(/\B(?=[A-Z0-9])/g, '-').toLowerCase();

const entries = [];
for (const line of body.split('\n')) {
  if (line.trim() === '' || line.trim().startsWith('//')) continue;
  const match = /^\s*(\w+) = (\d+),\s*\/\/\/< (.*)$/.exec(line);
  if (match === null) throw new Error(`cannot read this line of core/base/error.hpp: ${line}`);
  const [, name, code, text] = match;
  if (spelled(name) !== spelling(name)) {
    throw new Error(`${name} is spelled ${spelled(name)} in JavaScript, but ${spelling(name)} in C++`);
  }
  entries.push({ name, code, text });
}

const text = `// Written by scripts/generate-errors.mjs from core/base/error.hpp; change it there.

/**
 * Every way in which an operation can be refused or fail. The numbers are stable and the same in
 * C++, on the wire and in {@link TopGunError.code}.
 */
export const ErrorCode = {
${entries.map((e) => `  /** ${e.text} */\n  ${e.name}: ${e.code},`).join('\n')}
} as const;

/** One of the numbers of {@link ErrorCode}. */
export type ErrorCode = (typeof ErrorCode)[keyof typeof ErrorCode];

/** The stable spelling of each code in logs and documentation: TooLarge is too-large. */
export const errorNames: Readonly<Record<ErrorCode, string>> = /* @__PURE__ */ Object.fromEntries(
  /* @__PURE__ */ Object.entries(ErrorCode).map(([name, code]) => [
    code,
    name.replace(/\\B(?=[A-Z0-9])/g, '-').toLowerCase(),
  ]),
) as Record<ErrorCode, string>;
`;

if (process.argv.includes('--check')) {
  if (readFileSync(targetUrl, 'utf8') !== text) {
    console.error('src/error-codes.ts is stale: run node js-bindings/scripts/generate-errors.mjs');
    process.exit(1);
  }
} else {
  writeFileSync(targetUrl, text);
}
