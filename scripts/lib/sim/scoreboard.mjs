// How many seeds the simulator takes to find each planted bug.

import { execFileSync } from 'node:child_process';
import { campaign } from './campaign.mjs';
import { shrink } from './repro.mjs';

const kFirstBatch = 64;

/** The planted bugs of a build: `{number, name, text}`; none if it has none. */
export function listMutants(program) {
  let output;
  try {
    output = execFileSync(program, ['--list-mutants'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  } catch {
    return []; // A build without planted bugs does not know the option.
  }
  return output.split('\n').filter((line) => line !== '').map((line) => JSON.parse(line));
}

/** Batches of seeds from 1 to `limit`, each as large as all before it. */
export function batches(limit) {
  const ranges = [];
  for (let first = 1, size = kFirstBatch; first <= limit; first += size, size = first - 1) {
    ranges.push([first, Math.min(limit, first + size - 1)]);
  }
  return ranges;
}

/** Looks for one planted bug; the number of seeds is the number of the first that shows it. */
export async function find(program, mutant, options) {
  for (const [first, last] of batches(options.limit)) {
    const sum = await campaign(program, { ...options, first, last, mutant: mutant.number, failures: 1, twiceEvery: 0, jobs: 1 });
    if (sum.found.length === 0) continue;
    const failure = sum.found[0];
    const shrunk = options.shrink ? await shrink(program, failure, options.shrinkRuns) : null;
    const size = shrunk && { operations: shrunk.operations, clients: shrunk.clients, families: shrunk.families, runs: shrunk.runs, cpu_s: shrunk.cpu_s };
    return { ...mutant, seeds: failure.seed, invariant: failure.invariant, detail: failure.detail, shrunk: size };
  }
  return { ...mutant, seeds: null, tried: options.limit };
}

/**
 * The scoreboard of `mutants`, several at a time.
 * @param {(done: number, found: number) => void} progress
 */
export async function scoreboard(program, mutants, options, progress = () => {}) {
  const waiting = [...mutants];
  const bugs = [];
  const work = async () => {
    for (let mutant = waiting.shift(); mutant; mutant = waiting.shift()) {
      bugs.push(await find(program, mutant, options));
      progress(bugs.length, bugs.filter((bug) => bug.seeds !== null).length);
    }
  };
  await Promise.all(Array.from({ length: options.jobs }, work));
  bugs.sort((a, b) => a.number - b.number);
  const found = bugs.filter((bug) => bug.seeds !== null);
  return {
    bugs,
    found: found.length,
    within1000: found.filter((bug) => bug.seeds <= 1000).length,
    medians: mediansOf(found.flatMap((bug) => bug.shrunk ?? [])),
  };
}

/** What is left of a find when it was made smaller, and what that cost; null if none was. */
export function mediansOf(sizes) {
  if (sizes.length === 0) return null;
  const median = (name) => sizes.map((size) => size[name]).sort((a, b) => a - b)[Math.floor((sizes.length - 1) / 2)];
  return Object.fromEntries(['operations', 'clients', 'families', 'runs', 'cpu_s'].map((name) => [name, median(name)]));
}
