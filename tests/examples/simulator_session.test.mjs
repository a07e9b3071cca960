// Goal: looking at a run, going back in it and meddling with it do not make it another run. Method: the
// simulator in WebAssembly, run whole and in pieces, with the world described at every stop.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { WasmSimulator, kProfiles } from '../../scripts/lib/sim/wasm.mjs';

const kDo = 0;
const kEnd = 1;
const kFlipBit = 2;
const kSet = 1;
const kPartition = 22;
const kTabKill = 25;
const kClockStep = 31;
const kNodePower = 41;
const kNodeCrash = 40;

/** A session of a seed. */
function open(seed, profile = 'lite', mutant = 0) {
  const simulator = new WasmSimulator();
  simulator.call('plant', mutant);
  simulator.call('draft_seed', BigInt(seed), kProfiles[profile]);
  simulator.call('start');
  return simulator;
}

/** A world of three clients in which nothing happens by itself. */
function quiet() {
  const simulator = new WasmSimulator();
  simulator.call('draft_quiet', 7n, 3);
  simulator.call('draft_duration', 60_000);
  simulator.call('start');
  return simulator;
}

const world = (simulator) => JSON.parse(simulator.call('world').text).world;
const act = (simulator, kind, step, actor = 0, a = 0n, b = 0n) => simulator.call('act', kind, step, actor, a, b).value === 1;
const runTo = (simulator, ms) => simulator.call('run_until', ms * 1000).value === 1;

/** Runs to the end in steps of `ms`; resolves to the last world. */
function finish(simulator, ms) {
  let at = world(simulator).now_us / 1000;
  while (runTo(simulator, (at += ms))) world(simulator);
  return world(simulator);
}

test('session: a run in pieces, looked at after each, has the trace of the whole run', () => {
  for (const seed of [1, 4, 13, 26]) {
    const whole = new WasmSimulator().run(seed);
    assert.equal(finish(open(seed), 250).trace, whole.trace, `seed ${seed}`);
    const simulator = open(seed);
    while (simulator.call('run_events', 97).value === 1) world(simulator);
    assert.equal(world(simulator).trace, whole.trace, `seed ${seed}, by events`);
  }
});

test('session: going back and on again comes to the same end', () => {
  const whole = new WasmSimulator().run(13);
  const simulator = open(13);
  runTo(simulator, 40_000);
  const before = world(simulator);
  runTo(simulator, 90_000);
  simulator.call('rewind', 40_000_000);
  assert.equal(world(simulator).trace, before.trace);
  assert.equal(finish(simulator, 1000).trace, whole.trace);
});

test('session: interventions happen again at the same instants after going back', () => {
  const simulator = open(2);
  runTo(simulator, 10_000);
  assert.ok(act(simulator, kDo, kPartition, 1));
  simulator.call('run_events', 11);
  assert.ok(act(simulator, kDo, kNodePower));
  runTo(simulator, 15_000);
  assert.ok(act(simulator, kEnd, kNodeCrash));
  runTo(simulator, 20_000);
  assert.ok(act(simulator, kEnd, kPartition, 1));
  runTo(simulator, 30_000);
  const before = world(simulator);
  simulator.call('rewind', 25_000_000);
  runTo(simulator, 30_000);
  assert.equal(world(simulator).trace, before.trace);
  assert.notEqual(before.trace, (() => { const other = open(2); runTo(other, 30_000); return world(other).trace; })());
});

test('session: going back before an intervention forgets it', () => {
  const simulator = open(3);
  runTo(simulator, 5_000);
  const untouched = world(simulator).trace;
  act(simulator, kDo, kTabKill, 0);
  runTo(simulator, 9_000);
  simulator.call('rewind', 4_999_000);
  runTo(simulator, 5_000);
  assert.equal(world(simulator).trace, untouched);
  assert.equal(JSON.parse(simulator.call('world').text).deeds, 0);
});

test('session: writes on both sides of a cut meet when it heals', () => {
  const simulator = quiet();
  runTo(simulator, 2_000);
  assert.ok(world(simulator).clients.every(({ status }) => status === 'online'));
  act(simulator, kDo, kPartition, 0);
  act(simulator, kDo, kSet, 0, 1n);
  act(simulator, kDo, kSet, 1, 2n);
  runTo(simulator, 4_000);
  assert.deepEqual(world(simulator).clients.map(({ agrees }) => agrees), [false, true, true]);
  act(simulator, kEnd, kPartition, 0);
  runTo(simulator, 50_000);
  assert.deepEqual(world(simulator).clients.map(({ agrees }) => agrees), [true, true, true]);
  assert.equal(JSON.parse(simulator.call('contents', 2).text).notes.length, 2);
  assert.equal(finish(simulator, 10_000).violation, null);
});

test('session: hands on clocks, processes and stored bits', () => {
  const simulator = quiet();
  runTo(simulator, 2_000);
  const at = (ms) => BigInt(ms) << 1n; // As `zigzag` has it.
  assert.ok(act(simulator, kDo, kClockStep, 2, at(3_600_000)));
  assert.equal(world(simulator).clients[2].offset_ms, 3_600_000);
  assert.ok(act(simulator, kDo, kTabKill, 1));
  assert.equal(world(simulator).clients[1].running, false);
  assert.ok(act(simulator, kEnd, kTabKill, 1));
  assert.equal(act(simulator, kEnd, kTabKill, 1), false, 'it runs already');
  const file = world(simulator).node.files.findIndex(({ path }) => path.includes('checkpoint.db'));
  assert.ok(act(simulator, kFlipBit, 0, 0, BigInt(file)));
  assert.equal(simulator.call('act', 9, 0, 0, 0n, 0n).value, 0, 'no such deed');
  assert.equal(act(simulator, kDo, kSet, 99), false, 'no such client');
});

test('session: a planted bug is caught, made smaller and told', () => {
  const simulator = new WasmSimulator();
  let found;
  for (let seed = 1; !found && seed <= 50; seed++) {
    const outcome = simulator.run(seed, 'lite', 21);
    if (outcome.violation) found = outcome;
  }
  assert.equal(found.violation.invariant, 'I05');
  const shrunk = JSON.parse(simulator.call('shrink', 500).text);
  assert.equal(shrunk.invariant, 'I05');
  assert.ok(shrunk.operations <= 12 && shrunk.families <= 2, `${shrunk.operations} operations, ${shrunk.families} families`);

  const bytes = Buffer.from(shrunk.scenario.scenario, 'hex');
  const other = new WasmSimulator();
  other.load(bytes);
  other.call('plant', 21);
  const told = JSON.parse(other.call('tell').text);
  assert.equal(told.outcome.violation.invariant, 'I05');
  assert.ok(told.events.some(({ event }) => event === 'frame'));
  other.call('plant', 0);
  assert.equal(JSON.parse(other.call('run').text).violation, null, 'without the bug all is well');
});

test('session: a damaged scenario is refused', () => {
  const simulator = new WasmSimulator();
  assert.notEqual(simulator.load(Uint8Array.of(9, 9, 9)), 0);
  assert.equal(simulator.call('draft_seed', 1n, 9).value, 0);
  assert.equal(simulator.call('draft_rate', 99, 1).value, 0);
});
