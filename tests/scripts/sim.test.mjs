import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

import { gateCampaigns, sample } from '../../scripts/check-simulation.mjs';
import { addUp, campaign, chunks, pairs } from '../../scripts/lib/sim/campaign.mjs';
import { parseOptions, UsageError } from '../../scripts/lib/sim/options.mjs';
import { diagram, timeAxis, worthDrawing } from '../../scripts/lib/sim/diagram.mjs';
import { simulate } from '../../scripts/lib/sim/process.mjs';
import { campaignReport, marksCount } from '../../scripts/lib/sim/report.mjs';
import { makeRepro, readRepro, reproTest } from '../../scripts/lib/sim/repro.mjs';
import { batches, find, listMutants, mediansOf } from '../../scripts/lib/sim/scoreboard.mjs';
import { root } from '../../scripts/lib/repository.mjs';

function inFolder(body) {
  const folder = mkdtempSync(join(tmpdir(), 'topgun-sim-'));
  const end = () => rmSync(folder, { recursive: true });
  return Promise.resolve().then(() => body(folder)).finally(end);
}

/** A program that takes the simulator's arguments and says what `body`, JavaScript, prints. */
function program(folder, body) {
  const path = join(folder, 'program');
  writeFileSync(path, `#!/usr/bin/env node
const words = process.argv.slice(2);
const option = (name) => words[words.indexOf(name) + 1];
const [first, last] = (option('--seeds') ?? '0..0').split('..').map(Number);
const say = (event) => console.log(JSON.stringify(event));
const end = (seeds, failures) => say({ event: 'summary', seeds, failures, simulated_s: seeds * 60, cpu_s: seeds / 10,
  events: 0, checks: 0, run_twice: 0, trace: seeds.toString(16), faults: { loss: [seeds, 1] }, marks: { A: seeds, B: 0 } });
${body}`);
  chmodSync(path, 0o755);
  return path;
}

const options = (...words) => parseOptions(['--jobs', '2', ...words]);

test('sim: options that make no sense are refused with a message that says why', () => {
  for (const words of [['--seeds', '9..1'], ['--seeds', 'x'], ['--seeds', '-1..2'], ['--seeds', '1..99999999999999999999'], ['--profile', 'big'], ['--mutant', '0'],
    ['--jobs', '0'], ['--replay'], ['--what'], ['--plain', '--mutant', '3'], ['--scoreboard', '--replay', 'x'], ['--builds', '--scoreboard'], ['--builds', '--seeds', '2..9']]) {
    assert.throws(() => parseOptions(words), UsageError, words.join(' '));
  }
  const { status, stderr } = spawnSync('node', [join(root, 'scripts/sim.mjs'), '--seeds', '9..1'], { encoding: 'utf8' });
  assert.equal(status, 2);
  assert.match(stderr, /9\.\.1 is empty/);
});

test('sim: one number is a range of one seed', () => {
  const { first, last } = parseOptions(['--seeds', '77']);
  assert.deepEqual([first, last], [77, 77]);
});

test('sim: chunks cover every seed once', () => {
  for (const [first, last, jobs] of [[1, 1, 4], [1, 7, 2], [5, 20_004, 3]]) {
    const seeds = chunks(first, last, jobs).flatMap(([a, b]) => Array.from({ length: b - a + 1 }, (_, i) => a + i));
    assert.deepEqual(seeds, Array.from({ length: last - first + 1 }, (_, i) => first + i));
  }
});

test('sim: traces add up modulo 2^64, in any order, and everything else without loss', () => {
  const part = { seeds: 1, failures: 0, simulated_s: 0.1, cpu_s: 0.5, events: 3, checks: 2, run_twice: 1, marks: { A: 0, B: 2 } };
  const a = { ...part, trace: 'ffffffffffffffff', faults: { loss: [3, 1] } };
  const b = { ...part, trace: '0000000000000003', faults: { loss: [4, 1], reset: [0, 0] } };
  const sum = addUp([a, b]);
  assert.equal(sum.trace, '0000000000000002');
  assert.deepEqual(sum, addUp([b, a]));
  assert.deepEqual(sum.faults, { loss: [7, 2], reset: [0, 0] });
  assert.deepEqual(sum.unreached, ['A']);
  assert.equal(sum.simulated_s, 0.2);
});

test('sim: pairs that no seed had are named', () => {
  const part = { seeds: 1, failures: 0, simulated_s: 0, cpu_s: 0, events: 0, checks: 0, run_twice: 0, trace: '1', marks: {}, faults: { loss: [1, 1], reset: [0, 0] } };
  const sum = addUp([
    { ...part, fault_pairs: { reset: [0] }, operation_pairs: { set: [1, 0] } },
    { ...part, fault_pairs: { reset: [0] }, operation_pairs: { set: [2, 3] } },
  ]);
  assert.deepEqual(sum.operation_pairs, { set: [3, 3] });
  assert.deepEqual(pairs(sum), { count: 3, missing: ['reset + loss'] });
  assert.match(campaignReport({ ...sum, found: [] }, options(), null), /2 of 3 of two families[^]*never: reset \+ loss/);
});

test('sim: a campaign adds up its processes', () => inFolder(async (folder) => {
  const sum = await campaign(program(folder, 'end(last - first + 1, 0);'), options('--seeds', '1..1000'));
  assert.equal(sum.seeds, 1000);
  assert.equal(sum.ratio, 600);
  assert.equal(sum.trace, '00000000000003e8');
  assert.deepEqual(sum.found, []);
}));

test('sim: a failure ends a campaign and is told', () => inFolder(async (folder) => {
  const failing = program(folder, `
if (first > 200) say({ event: 'failure', seed: first, invariant: 'I01', at_ms: 5, detail: 'x' });
end(1, first > 200 ? 1 : 0);`);
  const sum = await campaign(failing, options('--seeds', '1..100000'));
  assert.ok(sum.failures >= 1 && sum.failures <= 2);
  assert.ok(sum.seeds < 10);
  assert.match(campaignReport(sum, options('--seeds', '1..100000'), null), /breaks I01 after 5 ms: x/);
}));

test('sim: a process that dies is an error, not a smaller campaign', () => inFolder(async (folder) => {
  await assert.rejects(simulate(program(folder, "console.error('broken'); process.exit(3);"), []), /ended with 3[^]*broken/);
}));

test('sim: unreached marks count in large campaigns of the lite profile only', () => {
  assert.ok(marksCount({ seeds: 5000 }, options()));
  assert.ok(!marksCount({ seeds: 4999 }, options()));
  assert.ok(!marksCount({ seeds: 5000 }, options('--profile', 'standard')));
  assert.ok(!marksCount({ seeds: 5000 }, options('--mutant', '1')));
});

const failure = { seed: 7, profile: 'lite', mutant: 2, invariant: 'I04', at_ms: 3, detail: 'd' };
const shrunk = { invariant: 'I04', detail: 'd', runs: 9, operations: 1, clients: 1, families: 0, rates: {}, steps: [[5, 'set', 1, 2, 3]], scenario: '00ff10' };

test('sim: a repro is read back as it was written, anything else is refused', () => inFolder((folder) => {
  const path = join(folder, 'repro.json');
  const repro = makeRepro(failure, shrunk, 'abc');
  writeFileSync(path, JSON.stringify(repro));
  assert.deepEqual(readRepro(path), repro);
  for (const damaged of ['', '{', 'null', '{"version":2}', JSON.stringify({ ...repro, scenario: '0' })]) {
    writeFileSync(path, damaged);
    assert.throws(() => readRepro(path), UsageError, damaged);
  }
  assert.throws(() => readRepro(join(folder, 'none')), UsageError);
}));

test('sim: the test case of a repro holds the scenario and names what broke', () => {
  const text = reproTest(makeRepro(failure, shrunk, 'abc'));
  assert.match(text, /"00ff10";/);
  assert.match(text, /TEST_CASE\("simulator: seed 7 keeps I04"\)/);
});

test('sim: batches of the scoreboard double and cover everything up to the limit', () => {
  assert.deepEqual(batches(300), [[1, 64], [65, 128], [129, 256], [257, 300]]);
  assert.deepEqual(batches(10), [[1, 10]]);
});

test('sim: the scoreboard gives the first seed that shows a bug, and gives up at the limit', () => inFolder(async (folder) => {
  const path = program(folder, `
const seed = 100;
const fails = option('--mutant') === '5' && first <= seed && seed <= last;
if (fails) say({ event: 'failure', seed, invariant: 'I06', at_ms: 5, detail: 'x' });
end(last - first + 1, fails ? 1 : 0);`);
  const search = options('--limit', '300', '--no-shrink');
  assert.equal((await find(path, { number: 5, name: 'a' }, search)).seeds, 100);
  assert.equal((await find(path, { number: 6, name: 'b' }, search)).seeds, null);
}));

test('sim: medians are of what was made smaller, the lower one of two', () => {
  const size = (operations) => ({ operations, clients: 1, families: 2, runs: 3, cpu_s: 0.5 });
  assert.equal(mediansOf([]), null);
  assert.equal(mediansOf([size(9), size(1), size(4)]).operations, 4);
  assert.deepEqual(mediansOf([size(7), size(2)]), size(2));
});

test('sim: a build that cannot list planted bugs has none', () => inFolder((folder) => {
  assert.deepEqual(listMutants(program(folder, 'process.exit(2);')), []);
  assert.deepEqual(listMutants(program(folder, "say({ number: 1, name: 'a', text: 'b' });")), [{ number: 1, name: 'a', text: 'b' }]);
}));

test('sim: half of the seeds of the gate are fixed, half belong to the commit', () => {
  const ranges = (commit) => gateCampaigns(commit).map(parseOptions).map(({ first, last, profile }) => [profile, first, last]);
  const [one, two] = [ranges('00000000ff' + '0'.repeat(30)), ranges('00000000fe' + '0'.repeat(30))];
  assert.deepEqual(one, [['lite', 1, 1000], ['lite', 8001, 9000], ['standard', 1, 10], ['standard', 11, 20]]);
  assert.deepEqual([one[0], one[2]], [two[0], two[2]]);
  assert.deepEqual([two[1], two[3]], [['lite', 7001, 8000], ['standard', 51, 60]]);
});

test('sim: a sample is spread over the whole list', () => {
  assert.deepEqual(sample([1, 2, 3, 4, 5, 6, 7, 8], 4), [1, 3, 5, 7]);
  assert.deepEqual(sample([1, 2], 4), [1, 2]);
});

test('sim: the diagram shows lanes, frames, faults and what broke, and nothing of it is markup', () => {
  const step = { event: 'step', id: '1', t: 500, actor: 2, a: '0', b: '9' };
  const html = diagram(makeRepro({ ...failure, detail: '<b>' }, shrunk, 'abc'), [
    { ...step, kind: 'set', fault: false, of_node: false },
    { ...step, id: '2', kind: 'node-crash', fault: true, of_node: true },
    { ...step, id: '2', event: 'step_end', t: 1500 },
    { event: 'frame', t: 900, sent: 600, client: 2, to_node: true, lost: true, bytes: 9, messages: ['operations'] },
    { event: 'failure', invariant: 'I04', at_ms: 3, detail: '<script>x</script>' },
  ]);
  for (const part of ['client 2', 'node-crash', 'operations: 9 bytes, sent 0.001 s, lost', 'I04 broken', '&lt;script&gt;']) assert.ok(html.includes(part), part);
  assert.ok(!html.includes('<script') && !html.includes('NaN') && !html.includes('undefined'));
});

test('sim: time never runs upwards in a diagram, and gaps are bounded', () => {
  const { y, points, bottom } = timeAxis([5_000_000, 0, 1, 4_000_000_000, 1]);
  assert.deepEqual(points, [0, 1, 5_000_000, 4_000_000_000]);
  points.slice(1).forEach((time, i) => assert.ok(y(time) > y(points[i]) && y(time) - y(points[i]) <= 60));
  assert.equal(y(4_000_000_000), bottom);
});

test('sim: heartbeats are the first frames that a diagram leaves out', () => {
  const frames = [{ messages: ['ping'] }, { messages: ['ack'] }, { messages: ['pong'] }];
  assert.deepEqual(worthDrawing(frames, 2), { frames: [{ messages: ['ack'] }], left_out: 2 });
  assert.deepEqual(worthDrawing(frames, 3), { frames, left_out: 0 });
});
