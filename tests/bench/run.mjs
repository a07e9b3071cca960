// usage: npm run bench -- <suite>... | all | report   [--smoke] [--no-build]
//
// Runs benchmark suites and prints a JSON line for each result; `report` runs all and writes
// docs/benchmarks.md. With --smoke inputs are tiny and no bar is judged: it shows that the suites
// work. Ends with 1 if a suite fails; a bar that is missed is a result, not a failure.

import { prepare } from './lib/prepare.mjs';
import { Results, progress } from './lib/results.mjs';

/** Each suite and what has to be there before it can even be imported. */
const kNeeds = {
  server: ['server'],
  http: ['server', 'package', 'baselines'],
  merge: ['operations', 'baselines'],
  reconcile: ['operations', 'baselines'],
  wasm: ['operations', 'baselines'],
  js: ['package', 'baselines'],
  query: ['query', 'package', 'sqlite'],
  live: ['query', 'package', 'baselines'],
  size: ['package'],
  simulator: ['simulator'],
  board: ['server', 'package', 'board'],
};
const kSuites = Object.keys(kNeeds);

const flags = process.argv.slice(2).filter((argument) => argument.startsWith('--'));
const names = process.argv.slice(2).filter((argument) => !argument.startsWith('--'));
const unknown = [
  ...names.filter((name) => !['all', 'report', ...kSuites].includes(name)),
  ...flags.filter((flag) => !['--smoke', '--no-build'].includes(flag)),
];
if (names.length === 0 || unknown.length > 0) {
  if (unknown.length > 0) console.error(`bench: cannot use ${unknown.join(', ')}`);
  console.error(`usage: npm run bench -- <suite>...|all|report [--smoke] [--no-build]\nsuites: ${kSuites.join(', ')}`);
  process.exit(2);
}

const options = { smoke: flags.includes('--smoke') };
const everything = names.includes('all') || names.includes('report');
const wanted = everything ? kSuites : names;
if (!flags.includes('--no-build')) {
  await prepare(new Set(wanted.flatMap((name) => kNeeds[name])));
}
const suites = new Map();
for (const name of wanted) suites.set(name, await import(`./suites/${name}.mjs`));

let failed = 0;
const all = [];
for (const [name, suite] of suites) {
  const results = new Results(name, options);
  try {
    await suite.run(results, options);
  } catch (error) {
    failed++;
    progress(`${name} failed: ${error.stack}`);
  }
  all.push(...results.all);
}

if (names.includes('report')) {
  const { writeReport } = await import('./report/report.mjs');
  writeReport(all);
}
const missed = all.filter(({ met }) => met === false);
for (const { suite, case: name, metric, ratio, value, bar } of missed) {
  progress(`missed: ${suite}, ${name}, ${metric}: ${ratio ?? value} is not ${bar}`);
}
process.exit(failed > 0 ? 1 : 0);
