import assert from 'node:assert/strict';
import { test } from 'node:test';

import { findBanned, findDoubleDraws, kBannedHeaders, kRules } from '../../scripts/check-banned.mjs';

const rulesIn = (text, path = 'core/base/a.cpp') =>
  findBanned([{ path, text }]).map((problem) => problem.message.split(':')[0]);

/** At least one line each rule must find. */
const examples = {
  hash: ['std::hash<int>{}(1);'],
  unordered: ['std::unordered_map<int, int> m;', 'std::unordered_multiset<int> s;'],
  random: ['std::mt19937 engine;', 'std::uniform_int_distribution<int> d;', 'int i = rand();', 'std::shuffle(a, b, c);'],
  sort: ['std::sort(a.begin(), a.end());', 'std::nth_element(a, b, c);'],
  clock: ['auto t = std::chrono::steady_clock::now();', 'time(nullptr);', 'clock_gettime(CLOCK_REALTIME, &t);'],
  environment: ['getenv("HOME");', 'abort();'],
  io: ['printf("x");', 'std::snprintf(b, 4, "x");', 'std::cout << 1;', 'std::ofstream f;'],
  thread: ['std::mutex m;', 'std::thread t;', 'std::atomic<int> a;', 'thread_local int x;'],
  exception: ['throw 1;', 'try { f(); }'],
  rtti: ['dynamic_cast<A*>(b);', 'typeid(a);'],
  'float-text': ['strtod(a, b);', 'std::stod(text);'],
  contraction: ['std::fma(a, b, c);'],
  address: ['reinterpret_cast<uintptr_t>(p);'],
  width: ['unsigned long size = 0;', 'long x;', 'time_t now;'],
  static: ['static int counter = 0;', '  static std::vector<int> cache;'],
  'c-string': ['strcpy(a, b);'],
  eval: ['eval("1")', 'new Function("return 1")'],
  any: ['let x: any;', 'y as any;'],
};

for (const { rule, where } of kRules) {
  test(`banned: "${rule}" is found`, () => {
    const path = ['core/base/a.cpp', 'js-bindings/src/a.ts'].find((candidate) => where.test(candidate));
    assert.ok(examples[rule]?.length > 0, 'the rule has an example');
    for (const line of examples[rule]) {
      assert.ok(rulesIn(`void f();\n${line}\n`, path).includes(rule), line);
    }
  });
}

for (const [header, rule] of Object.entries(kBannedHeaders)) {
  test(`banned: core/ must not include <${header}>`, () => {
    assert.ok(kRules.some((candidate) => candidate.rule === rule));
    assert.deepEqual(rulesIn(`#include <${header}>\n`), [rule]);
  });
}

test('banned: ordinary code passes', () => {
  const text = `
#include <vector>
// std::hash and rand() in a comment; "printf(" too
static constexpr int kMax = 3;
static int helper(int value);
const char* text = "std::unordered_map<int>";
int64_t long_name = 1'000'000;
uint64_t time_ms(uint64_t now_ms) { return now_ms; }
struct Retry { int tries; };
Prng random(seed, stream);
`;
  assert.deepEqual(rulesIn(text), []);
});

test('banned: rules of core/ do not bind the hosts', () => {
  assert.deepEqual(rulesIn('std::mutex m; std::unordered_map<int, int> t;', 'host-native/server.cpp'), []);
});

test('banned: a line may be allowed, by rule and with a reason', () => {
  assert.deepEqual(rulesIn('// allow(sort): keys are unique\nstd::sort(a, b);'), []);
  assert.deepEqual(rulesIn('std::sort(a, b);  // allow(sort): keys are unique'), []);
  assert.deepEqual(rulesIn('// allow(sort):\nstd::sort(a, b);'), ['sort']);
  assert.deepEqual(rulesIn('// allow(hash): keys are unique\nstd::sort(a, b);'), ['sort']);
  assert.deepEqual(rulesIn('// allow(sort): keys are unique\n\nstd::sort(a, b);'), ['sort']);
});

const draws = [
  ['f(gen.bits(), gen.bits());', 1],
  ['x = gen.bits() + gen.below(3);', 1],
  ['x = prng_.next() ^ prng_.next() ^ prng_.next();', 1],
  ['f({gen.bits(), gen.bits()});', 0],
  ['std::vector<int> v = {gen.bits(), gen.bits()};', 0],
  ['f({g(gen.bits(), gen.bits())});', 1],
  ['x = gen.coin() ? gen.below(3) : gen.below(4);', 0],
  ['if (gen.coin() && gen.coin()) f();', 0],
  ['x = gen.bits(); y = gen.bits();', 0],
  ['if (gen.coin()) f(gen.bits());', 0],
  ['while (gen.bits() < gen.bits()) f();', 1],
  ['f(gen.coin()) + gen.bits();', 1],
  ['for (int i = 0; i < n; ++i) f(gen.bits());', 0],
];

for (const [text, count] of draws) {
  test(`banned: ${count} statement${count === 1 ? '' : 's'} with two draws in \`${text}\``, () => {
    assert.equal(findDoubleDraws(text).length, count);
  });
}
