// Queries over a map of 100,000 orders, against SQLite in memory with its C API.

import { execFileSync } from 'node:child_process';
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

export function run(results, { smoke }) {
  progress('query: orders, beside SQLite');
  const program = join(root, 'build/release/tests/bench/query/topgun-query-bench');
  const options = ['--only=batch', ...(smoke ? ['--records=500', '--rounds=1'] : [])];
  const lines = execFileSync(program, options, { encoding: 'utf8' }).trimEnd().split('\n').map((line) => JSON.parse(line));
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
