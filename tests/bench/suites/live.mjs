// What a write costs while queries are followed, in processor time: our engine beside TanStack DB, d2mini
// and TinyBase over the same orders and the same writes. Answers are compared before anything is
// judged.

import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { root } from '../lib/paths.mjs';
import { progress } from '../lib/results.mjs';
import { runInBrowser } from './live_browser.mjs';

const kPeers = ['tanstack', 'd2mini', 'tinybase'];

/**
 * Our case, the peers' and the bars: against the best of them, and against one; natively, and of the whole
 * client in WebAssembly.
 */
const kWrites = [
  { ours: 'a write under one live filter, order and limit 20', theirs: 'window', best: [20, 6] },
  // Ten times as many queries as theirs: their time is of 100.
  {
    ours: 'a write under 1,000 live top 50',
    theirs: 'latest',
    same: 'a write under 100 live top 50',
    only: ['tanstack', 40, 13],
  },
  { ours: 'a write under a live group by of 5 groups', theirs: 'groups', best: [60, 20] },
  { ours: 'a write to an order under a live join', theirs: 'join-many', best: [8, 3] },
  { ours: 'a write to a customer under a live join', theirs: 'join-one', best: [8, 3], only: ['tanstack', 300, 100] },
];
const kSorted = 'first answer of a sorted live list of all orders';

function runOurs(options) {
  const program = join(root, 'build/release/tests/bench/query/topgun-query-bench');
  return execFileSync(program, options, { encoding: 'utf8', maxBuffer: 1 << 28 });
}

function runPeer(peer, name, file, records, smoke) {
  const program = join(root, 'tests/bench/contenders/live/peer.mjs');
  progress(`live: ${peer}, ${name}`);
  const parameters = ['--max-old-space-size=3000', program, peer, name, file, `${records}`, smoke ? 'smoke' : 'full'];
  const env = { ...process.env, TOPGUN_CORE: 'wasm' };
  const output = execFileSync(process.execPath, parameters, { encoding: 'utf8', env, stdio: ['ignore', 'pipe', 'ignore'] });
  // Some peers print advice in front of it.
  return JSON.parse(output.trimEnd().split('\n').at(-1));
}

function compare(name, own, peers, field) {
  for (const [peer, { digest }] of peers) {
    if (digest !== own.digest) throw new Error(`${name}: TopGun found ${own.digest}, ${peer} ${digest} (${field})`);
  }
}

function add(results, name, us, [peer, theirs], bar, build = 'native') {
  results.add({
    case: name,
    metric: `${build}, beside ${peer}`,
    value: us,
    unit: 'µs',
    baseline: { name: peer, value: theirs },
    ratio: theirs / us,
    bar: ['>=', bar],
  });
}

export async function run(results, { smoke }) {
  runInProcess(results, { smoke });
  await runInBrowser(results, { smoke });
}

function runInProcess(results, { smoke }) {
  progress('live: orders under live queries');
  const records = smoke ? 1000 : 100_000;
  const size = [`--records=${records}`, ...(smoke ? ['--rounds=1'] : [])];
  const folder = mkdtempSync(join(tmpdir(), 'topgun-live-'));
  try {
    const file = join(folder, 'data.ndjson');
    writeFileSync(file, runOurs([...size, '--only=data']));
    const lines = runOurs([...size, '--only=live']).trimEnd().split('\n').map((line) => JSON.parse(line));
    const find = (name) => lines.find((line) => line.case === name && line.who === 'TopGun');

    for (const { ours, theirs, same, best, only } of kWrites) {
      const own = find(ours);
      const peers = kPeers.map((peer) => [peer, runPeer(peer, theirs, file, records, smoke)]);
      if (theirs !== 'join-one') compare(ours, find(same ?? ours), peers, theirs);
      const client = runPeer('topgun', theirs, file, records, smoke);
      if (theirs !== 'join-one') compare(ours, find(same ?? ours), [['topgun', client]], theirs);
      const costs = peers.map(([peer, { writeUs }]) => [peer, writeUs]).sort((a, b) => a[1] - b[1]);
      for (const [build, us, which] of [['native', own.ns / 1000, 0], ['wasm', client.writeUs, 1]]) {
        if (best) add(results, ours, us, costs[0], best[which], build);
        if (only) add(results, ours, us, costs.find(([peer]) => peer === only[0]), only[1 + which], build);
      }
    }
    const sorted = runPeer('tanstack', 'sorted', file, records, smoke);
    if (sorted.digest !== records) throw new Error(`${kSorted}: tanstack has ${sorted.digest} of ${records} orders`);
    add(results, kSorted, find(kSorted).ns / 1000, ['tanstack', sorted.firstUs], 200);
    const { firstUs } = runPeer('topgun', 'sorted', file, records, smoke);
    add(results, kSorted, firstUs, ['tanstack', sorted.firstUs], 80, 'wasm');

    const few = find('a write under 100 live top 50');
    const many = find('a write under 10,000 live top 50');
    results.add({
      case: 'a write under 10,000 live queries beside one under 100',
      metric: 'TopGun',
      value: many.ns / 1000,
      unit: 'µs',
      baseline: { name: '100 live queries', value: few.ns / 1000 },
      ratio: many.ns / few.ns,
      bar: ['<=', 1.5],
    });
    for (const line of lines.filter((each) => each.case === 'heap of a live query')) {
      results.add({ case: line.case, metric: line.who, value: line.ns, unit: 'bytes', bar: ['<=', 2048] });
    }
    const joined = find('first answer of a live join of orders and customers');
    results.add({ case: joined.case, metric: 'TopGun', value: joined.ns / 1000, unit: 'µs' });
  } finally {
    rmSync(folder, { recursive: true });
  }
}
