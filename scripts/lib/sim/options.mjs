// What `npm run sim` can be told.

import { availableParallelism } from 'node:os';

export const kUsage = `usage: npm run sim -- [option...]
  --seeds A..B        seeds to run (1..1000); one number runs one
  --profile P         lite (one shard, three clients, a minute), standard or full
  --mutant N          with planted bug N switched on
  --failures N        stop after this many failing seeds (1)
  --no-shrink         leave the first failure as large as it is
  --shrink-runs N     at most this many runs to make it smaller (3000)
  --twice-every N     run every Nth seed a second time and compare
  --plain             the build without probes and assertions: no marks, no planted bugs
  --jobs N            processes at a time (one a core)
  --replay FILE       run a repro.json again
  --scoreboard        how many seeds each planted bug takes to be found
  --builds            compare the traces of lite seeds 1..B in every build, browsers included
  --limit N           seeds that the scoreboard gives a bug (20000)
  --json              one JSON document instead of the report`;

/** Thrown for options that make no sense; the message is for the person at the terminal. */
export class UsageError extends Error {}

// Far beyond any campaign, and exact as a number of JavaScript.
const kNumberMax = 2 ** 52;

function number(name, text, least) {
  const value = /^\d+$/.test(text) ? Number(text) : NaN;
  if (!(value >= least && value <= kNumberMax)) throw new UsageError(`${name}: a number from ${least} on is expected, not '${text}'`);
  return value;
}

function range(text) {
  const match = /^(\d+)(?:\.\.(\d+))?$/.exec(text);
  if (!match) throw new UsageError(`--seeds: A..B is expected, not '${text}'`);
  const first = number('--seeds', match[1], 0);
  const last = number('--seeds', match[2] ?? match[1], 0);
  if (last < first) throw new UsageError(`--seeds: ${first}..${last} is empty`);
  return { first, last };
}

function profile(text) {
  if (!['lite', 'standard', 'full'].includes(text)) throw new UsageError(`--profile: lite, standard or full, not '${text}'`);
  return text;
}

const kFlags = {
  '--help': { help: true },
  '--no-shrink': { shrink: false },
  '--shrink': { shrink: true },
  '--plain': { plain: true },
  '--scoreboard': { scoreboard: true },
  '--builds': { builds: true },
  '--json': { json: true },
};

const kValues = {
  '--seeds': range,
  '--profile': (text) => ({ profile: profile(text) }),
  '--mutant': (text) => ({ mutant: number('--mutant', text, 1) }),
  '--failures': (text) => ({ failures: number('--failures', text, 1) }),
  '--shrink-runs': (text) => ({ shrinkRuns: number('--shrink-runs', text, 1) }),
  '--twice-every': (text) => ({ twiceEvery: number('--twice-every', text, 1) }),
  '--jobs': (text) => ({ jobs: number('--jobs', text, 1) }),
  '--limit': (text) => ({ limit: number('--limit', text, 1) }),
  '--replay': (text) => ({ replay: text }),
};

/**
 * @param {string[]} words the command line
 * @returns {object} every option with its value; throws UsageError
 */
export function parseOptions(words) {
  const options = {
    first: 1, last: 1000, profile: 'lite', mutant: 0, failures: 1, shrink: true, shrinkRuns: 3000,
    twiceEvery: 0, plain: false, jobs: availableParallelism(), replay: null, scoreboard: false, builds: false,
    limit: 20_000, json: false, help: false,
  };
  for (let i = 0; i < words.length; i++) {
    const name = words[i];
    if (Object.hasOwn(kFlags, name)) {
      Object.assign(options, kFlags[name]);
    } else if (Object.hasOwn(kValues, name)) {
      if (i + 1 === words.length) throw new UsageError(`${name} lacks its value`);
      Object.assign(options, kValues[name](words[++i]));
    } else {
      throw new UsageError(`unknown option '${name}'`);
    }
  }
  if (options.plain && (options.mutant > 0 || options.scoreboard)) throw new UsageError('--plain has no planted bugs');
  const tasks = ['scoreboard', 'replay', 'builds'].filter((task) => options[task]);
  if (tasks.length > 1) throw new UsageError(`--${tasks[0]} and --${tasks[1]} are two things`);
  if (options.builds && options.first !== 1) throw new UsageError('--builds compares seeds from 1 on');
  return options;
}
