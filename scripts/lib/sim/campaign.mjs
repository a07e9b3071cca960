// Many seeds over several processes, and what they say, added up.

import { simulate } from './process.mjs';

// Small enough that the processes end together, large enough that starting one does not show.
const kChunkSeedsMax = 250;

/** Splits seeds into ranges that processes take one after another. */
export function chunks(first, last, jobs) {
  const seeds = last - first + 1;
  const size = Math.max(1, Math.min(kChunkSeedsMax, Math.ceil(seeds / (jobs * 4))));
  const ranges = [];
  for (let from = first; from <= last; from += size) ranges.push([from, Math.min(last, from + size - 1)]);
  return ranges;
}

/** Adds the counts of `part` to those of `sum`: arrays of numbers by name. */
function addCounts(sum, part) {
  for (const [name, counts] of Object.entries(part ?? {})) {
    const before = sum[name] ?? [];
    sum[name] = counts.map((count, i) => count + (before[i] ?? 0));
  }
}

/**
 * Names of pairs that no seed had: of two fault families, and of an operation and a family.
 * @returns {{count: number, missing: string[]}}
 */
export function pairs(sum) {
  const families = Object.keys(sum.faults);
  const all = [sum.fault_pairs, sum.operation_pairs].flatMap((table) =>
    Object.entries(table).flatMap(([name, counts]) => counts.map((count, i) => [`${name} + ${families[i]}`, count])));
  return { count: all.length, missing: all.filter(([, count]) => count === 0).map(([name]) => name) };
}

/** The sum of summaries; their order does not matter. */
export function addUp(summaries) {
  const sum = { seeds: 0, failures: 0, simulated_s: 0, cpu_s: 0, events: 0, checks: 0, run_twice: 0, faults: {}, fault_pairs: {}, operation_pairs: {}, marks: {} };
  let trace = 0n;
  for (const summary of summaries) {
    for (const name of ['seeds', 'failures', 'simulated_s', 'cpu_s', 'events', 'checks', 'run_twice']) sum[name] += summary[name];
    trace = BigInt.asUintN(64, trace + BigInt(`0x${summary.trace}`));
    for (const [name, [times, seeds]] of Object.entries(summary.faults)) {
      const before = sum.faults[name] ?? [0, 0];
      sum.faults[name] = [before[0] + times, before[1] + seeds];
    }
    addCounts(sum.fault_pairs, summary.fault_pairs);
    addCounts(sum.operation_pairs, summary.operation_pairs);
    for (const [name, times] of Object.entries(summary.marks)) sum.marks[name] = (sum.marks[name] ?? 0) + times;
  }
  sum.simulated_s = Math.round(sum.simulated_s * 1000) / 1000;
  sum.cpu_s = Math.round(sum.cpu_s * 1000) / 1000;
  sum.ratio = sum.cpu_s > 0 ? Math.round(sum.simulated_s / sum.cpu_s) : 0;
  sum.trace = trace.toString(16).padStart(16, '0');
  sum.unreached = Object.keys(sum.marks).filter((name) => sum.marks[name] === 0);
  return sum;
}

/**
 * Runs the seeds of `options` (first, last, profile, mutant, failures, twiceEvery, jobs).
 * @param {string} program
 * @param {object} options
 * @param {(seeds: number, failures: number) => void} progress called now and then
 * @returns {Promise<object>} the sum, with `found`: the failures by seed
 */
export async function campaign(program, options, progress = () => {}) {
  const waiting = chunks(options.first, options.last, options.jobs);
  const summaries = [];
  const found = [];
  let done = 0;
  const running = new Map();
  const show = () => progress(done + [...running.values()].reduce((sum, seeds) => sum + seeds, 0), found.length);
  const work = async () => {
    while (waiting.length > 0 && found.length < options.failures) {
      const range = waiting.shift();
      const words = ['--seeds', `${range[0]}..${range[1]}`, '--profile', options.profile, '--failures', options.failures];
      if (options.mutant > 0) words.push('--mutant', options.mutant);
      if (options.twiceEvery > 0) words.push('--twice-every', options.twiceEvery);
      running.set(range, 0);
      const summary = await simulate(program, words, (event) => {
        if (event.event === 'progress') running.set(range, event.seeds);
        if (event.event === 'failure') found.push({ ...event, profile: options.profile, mutant: options.mutant });
        if (event.event === 'nondeterministic') {
          found.push({ seed: event.seed, invariant: 'deterministic', at_ms: 0, detail: 'the second run had another trace', profile: options.profile, mutant: options.mutant });
        }
        show();
      });
      running.delete(range);
      done += summary.seeds;
      summaries.push(summary);
      show();
    }
  };
  await Promise.all(Array.from({ length: options.jobs }, work));
  found.sort((a, b) => a.seed - b.seed);
  return { ...addUp(summaries), found };
}
