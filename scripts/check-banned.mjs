#!/usr/bin/env node
// Calls that would break a promise: of determinism and of a core without I/O, of safe memory, of a
// package without eval. Each is named with what to use instead.
//
// Where a rule is wrong for one line, say so there or on the line above:
//   // allow(<rule>): <reason>

import { codeOnly, includes } from './lib/cpp.mjs';
import { files, isMain, lineAt, report } from './lib/repository.mjs';

const kCore = /^core\//;
const kCoreAndTests = /^(core|tests)\/.*\.(hpp|cpp)$/;
const kCpp = /\.(hpp|cpp)$/;
const kPackage = /^js-bindings\/src\/.*\.(ts|tsx|mts|cts|js|mjs|cjs)$/;

/** `{rule, where, pattern, instead}`: `pattern` is looked for in code, not in comments or text. */
export const kRules = [
  { rule: 'hash', where: kCore, pattern: /\bstd::hash\b/, instead: 'hash64 (core/base/hash.hpp): std::hash differs between libraries' },
  { rule: 'unordered', where: kCore, pattern: /\bunordered_(?:multi)?(?:map|set)\b/, instead: 'a sorted vector, std::map, or a table of core/base: iteration order differs between libraries' },
  { rule: 'random', where: kCore, pattern: /\bstd::(?:random_device|mt19937\w*|default_random_engine|minstd_rand\w*|\w+_distribution|shuffle|sample|random_shuffle)\b|\b(?:rand|random|drand48)\s*\(\s*\)|\b(?:srand|arc4random\w*|getrandom|getentropy)\s*\(/, instead: 'Prng (core/base/prng.hpp), or Gen where choices are replayed' },
  { rule: 'sort', where: kCore, pattern: /\bstd::(?:sort|partial_sort\w*|nth_element|sort_heap|make_heap|push_heap|pop_heap)\s*\(|\bstd::ranges::/, instead: 'std::stable_sort, or allow(sort) with the reason why no two items are equal: where they are, their order differs between libraries' },
  { rule: 'clock', where: kCore, pattern: /\bstd::chrono::\w*_clock\b|\b(?:time|clock|gettimeofday|clock_gettime|localtime\w*|gmtime\w*|mktime|strftime|emscripten_get_now)\s*\(\s*(?:NULL|nullptr|0|&|CLOCK_|\))/, instead: 'the Now that comes in with the call (core/clock/now.hpp)' },
  { rule: 'environment', where: kCore, pattern: /\b(?:getenv|secure_getenv|setlocale|system|exit|_exit|abort)\s*\(/, instead: 'an argument from the host; TG_ASSERT for a broken promise' },
  { rule: 'io', where: kCore, pattern: /\b(?:f?printf|s?n?printf|v\w*printf|puts|fputs|putchar|fopen|fread|fwrite|fclose|scanf|sscanf)\s*\(|\bstd::(?:cout|cerr|clog|cin|[io]?f?stream|[io]?stringstream)\b/, instead: 'an effect for the host; ByteWriter for formats' },
  { rule: 'thread', where: kCore, pattern: /\bstd::(?:j?thread|(?:recursive_|shared_|timed_)*mutex|lock_guard|unique_lock|scoped_lock|condition_variable\w*|future|promise|async|atomic\w*|call_once)\b|\bthread_local\b/, instead: 'one owner per object; the host decides about threads' },
  { rule: 'exception', where: kCore, pattern: /\b(?:throw|try|catch)\b(?=\s*[({\w";:])/, instead: 'Result<T> (core/base/result.hpp)' },
  { rule: 'rtti', where: kCore, pattern: /\b(?:dynamic_cast|typeid|std::any)\b/, instead: 'an enum class and a switch, or std::variant' },
  { rule: 'float-text', where: kCore, pattern: /\b(?:std::)?(?:strto(?:d|f|ld)|ato[fil]l?|sto(?:d|f|ld)|lexical_cast)\s*\(|\bstd::(?:setprecision|fixed|scientific)\b/, instead: 'the number text of core/value: conversions of the library depend on locale and version' },
  { rule: 'contraction', where: kCore, pattern: /\b(?:std::)?fma[fl]?\s*\(|#pragma\s+(?:GCC\s+optimize|STDC\s+FP_CONTRACT)|__attribute__\s*\(\(\s*optimize/, instead: 'separate multiplication and addition, which round the same everywhere' },
  { rule: 'address', where: kCore, pattern: /\bu?intptr_t\b/, instead: 'an id or an index: addresses differ from run to run' },
  { rule: 'width', where: kCore, pattern: /\b(?:unsigned\s+)?long\s+(?:long\s+)?(?:int\s+)?\w+\s*[=;,)]|\b(?:time_t|wchar_t|ssize_t|off_t)\b/, instead: 'int64_t and its kin: these types differ in width between native and WebAssembly' },
  { rule: 'static', where: kCore, pattern: /^[ \t]*static\s+(?!const\b|constexpr\b|constinit\s+const\b|inline\s+const|assert|_assert)[\w:<>,*& \t]+?\s[*&]?\w+\s*(?:=|;|\{)/m, instead: 'a member of an object that its owner passes in: core/ has no state of its own' },
  { rule: 'c-string', where: kCpp, pattern: /\b(?:strcpy|strcat|sprintf|vsprintf|gets|strtok|alloca)\s*\(/, instead: 'std::string, std::string_view or snprintf with the size of the buffer' },
  { rule: 'eval', where: kPackage, pattern: /\beval\s*\(|\bnew\s+Function\s*\(/, instead: 'plain code: edge runtimes and content policies forbid eval' },
  { rule: 'any', where: kPackage, pattern: /[:<,|]\s*any\b|\bas\s+any\b/, instead: 'unknown, and a check that narrows it' },
];

/** Headers that core/ must not include, with the rule that says what to use instead. */
export const kBannedHeaders = {
  random: 'random', unordered_map: 'unordered', unordered_set: 'unordered', chrono: 'clock',
  ctime: 'clock', 'time.h': 'clock', thread: 'thread', mutex: 'thread', shared_mutex: 'thread',
  condition_variable: 'thread', future: 'thread', atomic: 'thread', iostream: 'io', fstream: 'io',
  sstream: 'io', iomanip: 'io', cstdio: 'io', 'stdio.h': 'io', filesystem: 'io', locale: 'float-text',
  regex: 'float-text', exception: 'exception', stdexcept: 'exception', typeinfo: 'rtti', any: 'rtti',
};

const kDraw = /\b(?:rng|prng|gen|random)_?\.(?:next|below|between|chance|unit|bits|coin|pick|bytes|word)\b/y;

/**
 * Positions of statements that draw more than one random number: the order in which operands and
 * arguments are evaluated is the compiler's choice. Operands of `?:`, `&&` and `||` and the items of
 * a braced list do have an order.
 */
export function findDoubleDraws(code) {
  const found = [];
  const open = [];
  let first = -1;
  let reported = false;
  const separate = () => { first = -1; reported = false; };
  for (let at = 0; at < code.length; at++) {
    const c = code[at];
    // The parenthesis of `if (...)` and its kin is evaluated before what it guards.
    if (c === '(') open.push(/\b(?:if|while|for|switch)\s*(?:constexpr\s*)?$/.test(code.slice(Math.max(0, at - 20), at)) ? 'if(' : '(');
    if (c === '[') open.push(c);
    if (c === ')' && open.pop() === 'if(') separate();
    if (c === ']') open.pop();
    if (c === '{') { open.push(c); separate(); }
    if (c === '}') { open.pop(); separate(); }
    if (c === ';' || c === '?' || (c === ':' && code[at - 1] !== ':' && code[at + 1] !== ':')) separate();
    if ((c === '&' || c === '|') && code[at + 1] === c) separate();
    if (c === ',' && (open.length === 0 || open.at(-1) === '{')) separate();
    kDraw.lastIndex = at;
    if (!/\w|\./.test(code[at - 1] ?? ' ') && kDraw.test(code)) {
      if (first !== -1 && !reported) { found.push(first); reported = true; }
      if (first === -1) first = at;
    }
  }
  return found;
}

function allowed(lines, line, rule) {
  const mark = `allow(${rule}): `;
  return [lines[line - 1], lines[line - 2]].some((text) => {
    const at = text?.indexOf(mark) ?? -1;
    return at !== -1 && text.slice(at + mark.length).trim() !== '';
  });
}

/** Banned calls in `sources`, which are `{path, text}`. */
export function findBanned(sources) {
  const problems = [];
  for (const { path, text } of sources) {
    const lines = text.split('\n');
    const code = codeOnly(text);
    const seen = new Set();
    const add = (rule, index, what, instead) => {
      const line = lineAt(text, index);
      if (allowed(lines, line, rule) || seen.has(`${line} ${rule}`)) return;
      seen.add(`${line} ${rule}`);
      problems.push({ path, line, message: `${rule}: ${what}; use ${instead}` });
    };
    for (const { rule, where, pattern, instead } of kRules) {
      if (!where.test(path)) continue;
      for (const match of code.matchAll(new RegExp(pattern, `${pattern.flags.replace('g', '')}g`))) {
        const start = match.index + (match[0].length - match[0].trimStart().length);
        add(rule, start, match[0].trim().replace(/\s+/g, ' '), instead);
      }
    }
    if (kCore.test(path)) {
      for (const { header, system, index } of includes(text)) {
        const rule = system ? kBannedHeaders[header] : undefined;
        if (rule) add(rule, index, `<${header}>`, kRules.find((r) => r.rule === rule).instead);
      }
    }
    if (kCoreAndTests.test(path)) {
      for (const index of findDoubleDraws(code)) {
        add('draws', index, 'two random draws in one statement', 'one draw a statement: the order of evaluation is the compiler\'s choice');
      }
    }
  }
  return problems;
}

if (isMain(import.meta.url)) {
  report('banned calls', findBanned(files(/^(core|wasm|host-native|tests|js-bindings\/src)\/.*\.(hpp|cpp|ts|tsx|mts|cts|js|mjs|cjs)$/)));
}
