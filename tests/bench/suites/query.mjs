// Queries over a map of 100,000 orders, against SQLite in memory: natively with its C API, and from JavaScript, with
// the core in WebAssembly, through better-sqlite3.

import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { root } from '../lib/paths.mjs';
import { progress } from '../lib/results.mjs';

/** Cases with a peer, and how many times faster we promised to be. `[ours, theirs, bar]` */
const kBeside = {
  'point lookup': [['TopGun', 'SQLite', 5]],
  'status = x and age > y, count': [
    ['TopGun, no index', 'SQLite, no index', 50],
    ['TopGun, index', 'SQLite, index', 5],
  ],
  'city = x order by created desc limit 20': [['TopGun', 'SQLite', 5]],
  'group by 1,000 cities, count and sum': [['TopGun', 'SQLite', 50]],
};

/** The same of a client in WebAssembly beside better-sqlite3. */
const kBesideInJavaScript = {
  'point lookup': 1.5,
  'status = x and age > y, count, no index': 10,
  'status = x and age > y, count, index': 2,
  'city = x order by created desc limit 20': 2,
  'group by 1,000 cities, count and sum': 20,
};

const kProgram = join(root, 'build/release/tests/bench/query/topgun-query-bench');

export function run(results, options) {
  runNatively(results, options);
  runInJavaScript(results, options);
}

function runNatively(results, { smoke }) {
  progress('query: orders, beside SQLite');
  const options = ['--only=batch', ...(smoke ? ['--records=500', '--rounds=1'] : [])];
  const lines = execFileSync(kProgram, options, { encoding: 'utf8' }).trimEnd().split('\n').map((line) => JSON.parse(line));
  const find = (name, who) => lines.find((line) => line.case === name && line.who === who);

  for (const [name, pairs] of Object.entries(kBeside)) {
    for (const [ours, theirs, bar] of pairs) {
      const own = find(name, ours);
      const peer = find(name, theirs);
      if (own.digest !== peer.digest) throw new Error(`${name}: ${ours} found ${own.digest}, ${theirs} ${peer.digest}`);
      results.add({
        case: name,
        metric: ours,
        value: own.ns / 1000,
        unit: 'µs',
        baseline: { name: theirs, value: peer.ns / 1000 },
        ratio: peer.ns / own.ns,
        bar: ['>=', bar],
      });
    }
  }
  const plan = find('point lookup', 'TopGun, index plan');
  const point = find('point lookup', 'TopGun');
  results.add({
    case: 'point lookup beside the same through an index plan',
    metric: 'TopGun',
    value: point.ns / 1000,
    unit: 'µs',
    baseline: { name: 'index plan', value: plan.ns / 1000 },
    ratio: plan.ns / point.ns,
    bar: ['>=', 3],
  });
  for (const line of lines.filter((each) => !(each.case in kBeside))) {
    results.add({ case: line.case, metric: line.who, value: line.ns / 1000, unit: 'µs' });
  }
}

function runInJavaScript(results, { smoke }) {
  if (!existsSync(join(root, 'tests/bench/contenders/query/node_modules/better-sqlite3/build/Release/better_sqlite3.node'))) {
    return progress('query: better-sqlite3 could not be built; queries in WebAssembly are left out');
  }
  progress('query: orders in JavaScript, beside better-sqlite3');
  const records = smoke ? '500' : '100000';
  const folder = mkdtempSync(join(tmpdir(), 'topgun-query-'));
  try {
    const file = join(folder, 'data.ndjson');
    writeFileSync(file, execFileSync(kProgram, [`--records=${records}`, '--rounds=1', '--only=data'], { maxBuffer: 1 << 28 }));
    const peer = join(root, 'tests/bench/contenders/query/peer.mjs');
    const env = { ...process.env, TOPGUN_CORE: 'wasm' };
    const lines = execFileSync(process.execPath, [peer, file, records, smoke ? 'smoke' : 'full'], { encoding: 'utf8', env })
      .trimEnd().split('\n').map((line) => JSON.parse(line));
    for (const [name, bar] of Object.entries(kBesideInJavaScript)) {
      const [own, theirs] = ['TopGun', 'better-sqlite3'].map((who) => lines.find((line) => line.case === name && line.who === who));
      if (own.digest !== theirs.digest) throw new Error(`${name}: TopGun found ${own.digest}, better-sqlite3 ${theirs.digest}`);
      results.add({
        case: name,
        metric: 'TopGun, wasm',
        value: own.us,
        unit: 'µs',
        baseline: { name: 'better-sqlite3', value: theirs.us },
        ratio: theirs.us / own.us,
        bar: ['>=', bar],
      });
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
}
