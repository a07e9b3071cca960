#!/usr/bin/env node
// usage: check-simulation.mjs [campaigns|regressions]
//
// Checks the simulator itself: its two builds tell the same story, so that probes and assertions
// change nothing, and it still finds bugs that are planted on purpose. With `campaigns`, runs the
// seeds that look for bugs of our own instead: some fixed, some that each commit has for itself.
// With `regressions`, replays what once broke: as it is all must be well, and with the bug planted
// again the same promise must break.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { files, git, isMain, report, root } from './lib/repository.mjs';
import { kPrograms, simulate } from './lib/sim/process.mjs';
import { parseOptions } from './lib/sim/options.mjs';
import { readRepro, replay } from './lib/sim/repro.mjs';
import { listMutants, scoreboard } from './lib/sim/scoreboard.mjs';

const kLiteSeeds = 1_000;
const kStandardSeeds = 10;
// Of each commit's own.
const kOwnLiteSeeds = 1_000;
const kOwnStandardSeeds = 10;
// Drawn from blocks of the first seeds, which are known to be clean: beyond them some fail, and what they show is not
// mended yet (docs/simulation.md, Open failures).
const kLiteBlocks = 8;
const kStandardBlocks = 5;
const kTwiceEvery = 50;
const kComparedSeeds = 40;
const kPlantedBugs = 12;
const kPlantedBugSeeds = 400;
const kFoundMin = 6;

/** What `npm run sim` is given for the campaigns of a commit. */
export function gateCampaigns(commit) {
  const draw = parseInt(commit.slice(0, 10), 16);
  const ownLite = 1 + kLiteSeeds + (draw % kLiteBlocks) * kOwnLiteSeeds;
  const ownStandard = 1 + kStandardSeeds + (draw % kStandardBlocks) * kOwnStandardSeeds;
  const seeds = [['lite', 1, kLiteSeeds], ['lite', ownLite, kOwnLiteSeeds], ['standard', 1, kStandardSeeds], ['standard', ownStandard, kOwnStandardSeeds]];
  return seeds.map(([profile, first, count]) => ['--profile', profile, '--seeds', `${first}..${first + count - 1}`, '--twice-every', String(kTwiceEvery)]);
}

/** So many of `all`, spread evenly. */
export function sample(all, count) {
  if (all.length <= count) return all;
  return Array.from({ length: count }, (_, i) => all[Math.floor((i * all.length) / count)]);
}

async function runs(program) {
  const lines = [];
  await simulate(program, ['--seeds', `1..${kComparedSeeds}`, '--failures', kComparedSeeds, '--each'], (event) => {
    if (event.event === 'run') lines.push(`seed ${event.seed}: ${event.trace}`);
  });
  return lines;
}

async function compareBuilds(problems) {
  const [plain, probed] = await Promise.all([runs(kPrograms.plain), runs(kPrograms.probed)]);
  console.log(`compared ${plain.length} seeds of the build with probes with those of the plain one`);
  if (plain.length !== kComparedSeeds) problems.push({ path: 'tests/sim', message: `${plain.length} runs instead of ${kComparedSeeds}` });
  plain.forEach((line, i) => {
    if (line !== probed[i]) problems.push({ path: 'tests/sim', message: `plain ${line}, with probes ${probed[i]}` });
  });
}

async function lookForPlantedBugs(problems) {
  const mutants = sample(listMutants(kPrograms.probed), kPlantedBugs);
  if (mutants.length === 0) return console.log('no planted bugs in this build');
  const options = { ...parseOptions(['--no-shrink', '--limit', String(kPlantedBugSeeds)]), jobs: availableParallelism() };
  const board = await scoreboard(kPrograms.probed, mutants, options);
  for (const bug of board.bugs) {
    console.log(`planted bug ${bug.number} (${bug.name}): ${bug.seeds === null ? `not in ${kPlantedBugSeeds} seeds` : `seed ${bug.seeds} breaks ${bug.invariant}`}`);
  }
  if (board.found < Math.min(kFoundMin, mutants.length)) {
    problems.push({ path: 'core/sim', message: `finds ${board.found} of ${mutants.length} planted bugs within ${kPlantedBugSeeds} seeds` });
  }
}

function runCampaigns(problems) {
  for (const words of gateCampaigns(git('rev-parse', 'HEAD')[0])) {
    console.log(`npm run sim -- ${words.join(' ')}`);
    const { status } = spawnSync('node', ['scripts/sim.mjs', ...words], { cwd: root, stdio: 'inherit' });
    if (status !== 0) problems.push({ path: 'core', message: `fails: npm run sim -- ${words.join(' ')}` });
  }
}

/** Scenarios of bugs that the simulator found, by path: repros with the bug planted again. */
export function regressions() {
  return files(/^tests\/sim\/regressions\/.*\.json$/).map(({ path }) => ({ path, repro: readRepro(join(root, path)) }));
}

async function replayRegressions(problems) {
  const all = regressions();
  if (all.length === 0) problems.push({ path: 'tests/sim/regressions', message: 'there are none' });
  const folder = mkdtempSync(join(tmpdir(), 'topgun-sim-'));
  try {
    for (const { path, repro } of all) {
      const scenario = join(folder, 'scenario.hex');
      const { failure } = await replay(kPrograms.probed, { ...repro, mutant: 0 }, scenario);
      if (failure) problems.push({ path, message: `breaks ${failure.invariant}: ${failure.detail}` });
      const planted = await replay(kPrograms.probed, repro, scenario);
      const broken = planted.failure?.invariant ?? 'nothing';
      if (broken !== repro.invariant) problems.push({ path, message: `planted bug ${repro.mutant} breaks ${broken} instead of ${repro.invariant}` });
      console.log(`${path}: ${repro.invariant} holds, and breaks with planted bug ${repro.mutant}`);
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
}

if (isMain(import.meta.url)) {
  const problems = [];
  if (process.argv[2] === 'campaigns') {
    runCampaigns(problems);
  } else if (process.argv[2] === 'regressions') {
    await replayRegressions(problems);
  } else {
    await compareBuilds(problems);
    await lookForPlantedBugs(problems);
  }
  report('simulation', problems);
}
