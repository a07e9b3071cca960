#!/usr/bin/env node
// Runs the simulator: campaigns over many seeds, single failures again, planted bugs, all builds. The program
// does the work (tests/sim); this starts several of it, adds up and shows. Exit code: 0 when all is
// well, 1 for a failure or a mark that was never reached, 2 for options that make no sense.

import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { BuildError, buildSimulator } from './lib/build.mjs';
import { git } from './lib/repository.mjs';
import { showProgress } from './lib/run.mjs';
import { buildOf, differences, kSimulatorBuilds, traceOfBuild } from './lib/sim/builds.mjs';
import { campaign } from './lib/sim/campaign.mjs';
import { kUsage, parseOptions, UsageError } from './lib/sim/options.mjs';
import { kPrograms } from './lib/sim/process.mjs';
import { campaignReport, marksCount, progressBar, scoreboardReport } from './lib/sim/report.mjs';
import { keepFailure, readRepro, replay } from './lib/sim/repro.mjs';
import { listMutants, scoreboard } from './lib/sim/scoreboard.mjs';

async function runCampaign(program, options) {
  const sum = await campaign(program, options, progressBar(options.last - options.first + 1));
  let kept = null;
  if (sum.found.length > 0) {
    showProgress(`making seed ${sum.found[0].seed} smaller`);
    kept = await keepFailure(program, sum.found[0], options.shrink ? options.shrinkRuns : 1);
  }
  showProgress('');
  if (options.json) {
    const { first, last, profile, mutant } = options;
    console.log(JSON.stringify({ commit: git('rev-parse', 'HEAD')[0], first, last, profile, mutant, ...sum, repro: kept && `${kept.folder}/repro.json` }, null, 2));
  } else {
    console.log(campaignReport(sum, options, kept));
  }
  return sum.failures > 0 || (sum.unreached.length > 0 && marksCount(sum, options)) ? 1 : 0;
}

async function runReplay(program, options) {
  const repro = readRepro(options.replay);
  const folder = mkdtempSync(join(tmpdir(), 'topgun-sim-'));
  try {
    const { failure, trace } = await replay(program, repro, join(folder, 'scenario.hex'));
    const same = failure?.invariant === repro.invariant;
    if (options.json) {
      console.log(JSON.stringify({ expected: repro.invariant, failure, same, trace }, null, 2));
    } else if (failure) {
      console.log(`${failure.invariant} after ${failure.at_ms} ms: ${failure.detail}\n${same ? 'As in the repro.' : `The repro has ${repro.invariant}.`}`);
    } else {
      console.log(`Nothing is broken; the repro of ${repro.commit.slice(0, 12)} has ${repro.invariant}.`);
    }
    return failure ? 1 : 0;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function runScoreboard(program, options) {
  const mutants = listMutants(program).filter(({ number }) => options.mutant === 0 || number === options.mutant);
  if (mutants.length === 0) throw new UsageError('this build has no such planted bugs');
  const board = await scoreboard(program, mutants, options, (done, found) => {
    showProgress(`${done} of ${mutants.length} planted bugs, ${found} found`);
  });
  showProgress('');
  console.log(options.json ? JSON.stringify({ commit: git('rev-parse', 'HEAD')[0], limit: options.limit, ...board }, null, 2) : scoreboardReport(board));
  return board.found === mutants.length ? 0 : 1;
}

async function compareBuilds(options) {
  const traces = [];
  for (const build of kSimulatorBuilds) {
    await buildOf(build);
    showProgress(`${options.last} seeds with ${build.name}`);
    const lines = await traceOfBuild(build, options.last);
    const digest = createHash('sha256').update(lines.join('\n')).digest('hex').slice(0, 16);
    traces.push({ name: build.name, lines, digest });
    showProgress('');
    if (!options.json) console.log(`${build.name.padEnd(26)}${lines.length} seeds  ${digest}`);
  }
  const found = differences(traces);
  if (options.json) {
    const builds = traces.map(({ name, lines, digest }) => ({ name, seeds: lines.length, digest }));
    console.log(JSON.stringify({ commit: git('rev-parse', 'HEAD')[0], builds, differences: found }, null, 2));
  } else {
    for (const difference of found.slice(0, 10)) console.log(difference);
    console.log(found.length === 0 ? 'all builds agree' : `${found.length} differences`);
  }
  return found.length === 0 ? 0 : 1;
}

async function main(words) {
  const options = parseOptions(words);
  if (options.help) return console.log(kUsage), 0;
  if (options.builds) return compareBuilds(options);
  await buildSimulator();
  const program = options.plain ? kPrograms.plain : kPrograms.probed;
  if (options.replay) return runReplay(program, options);
  if (options.scoreboard) return runScoreboard(program, options);
  return runCampaign(program, options);
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  showProgress('');
  const expected = error instanceof UsageError || error instanceof BuildError;
  console.error(expected ? `sim: ${error.message}` : error);
  if (error instanceof UsageError && process.argv.length > 2) console.error('npm run sim -- --help tells the options');
  process.exitCode = error instanceof UsageError ? 2 : 1;
}
