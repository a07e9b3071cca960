// Writes docs/benchmarks.md and its charts from the results of all suites.

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, release, totalmem } from 'node:os';
import { join } from 'node:path';
import { findProgram, root, versionOf } from '../lib/paths.mjs';
import { progress } from '../lib/results.mjs';
import { barChart, readable } from './chart.mjs';

const kTitles = {
  server: 'The server, beside Redis',
  http: 'Sync over HTTP, beside the WebSocket of the same server',
  merge: 'Merging what others wrote',
  reconcile: 'Two replicas come together',
  wasm: 'Work on bytes in WebAssembly',
  js: 'The client in JavaScript',
  query: 'Queries, beside SQLite, and live ones',
  size: 'Sizes',
  board: 'The board in a browser',
};

/** @param {import('../lib/results.mjs').Result[]} results */
export function writeReport(results) {
  const docs = join(root, 'docs');
  mkdirSync(join(docs, 'benchmarks'), { recursive: true });
  const suites = [...new Set(results.map(({ suite }) => suite))];
  const sections = suites.map((suite) => {
    const own = results.filter((result) => result.suite === suite);
    const lines = [`## ${kTitles[suite]}`, ''];
    if (own.some(({ baseline }) => baseline)) {
      writeFileSync(join(docs, 'benchmarks', `${suite}.svg`), barChart(kTitles[suite], own));
      lines.push(`![${kTitles[suite]}](benchmarks/${suite}.svg)`, '');
    }
    lines.push(`\`npm run bench -- ${suite}\``, '', ...table(own), '');
    return lines.join('\n');
  });
  writeFileSync(join(docs, 'benchmarks.md'), [introduction(results), ...sections].join('\n'));
  progress('wrote docs/benchmarks.md');
}

function table(results) {
  const rows = results.map(({ case: name, metric, value, unit, baseline, ratio, bar, met }) => [
    name,
    metric,
    `${readable(value)} ${unit}`,
    baseline ? `${readable(baseline.value)} ${unit} (${baseline.name})` : '',
    ratio === undefined ? '' : readable(ratio),
    bar === undefined ? '' : `${bar.replace('>=', '≥').replace('<=', '≤')} ${met ? 'met' : '**missed**'}`,
  ]);
  return [
    '| what | metric | TopGun | beside it | ratio | bar |',
    '| --- | --- | ---: | ---: | ---: | --- |',
    ...rows.map((row) => `| ${row.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`),
  ];
}

function introduction(results) {
  const judged = results.filter(({ met }) => met !== undefined);
  const { devDependencies } = JSON.parse(readFileSync(join(root, 'tests/bench/package.json'), 'utf8'));
  const libraries = ['yjs', '@automerge/automerge', 'msgpackr', 'miniflare'].map((name) => `${name} ${devDependencies[name]}`);
  const redis = findProgram('redis-server');
  const chromium = findProgram('chromium', 'chromium-browser', 'google-chrome');
  return `# Benchmarks

Written by \`npm run bench -- report\`. Each figure is the median of several runs; where it stands beside
another, both took turns in the same run on the same machine, after their results were found equal.
A ratio says how many times as fast (or, where the bar is an upper one, which share) it is. What was
measured and how is in \`tests/bench/suites\`; [docs/benchmarks-explained.md](benchmarks-explained.md)
says what stands behind the figures and why some bars are missed.

${judged.filter(({ met }) => met).length} of ${judged.length} bars are met.

| | |
| --- | --- |
| machine | ${cpus().length} × ${cpus()[0].model.trim()}, ${Math.round(totalmem() / 2 ** 30)} GiB, Linux ${release().split('-')[0]} |
| load | ${loadavg()[1].toFixed(1)} runnable threads on average while measuring, the benchmark's own among them |
| Node | ${process.version} |
| Redis | ${redis ? versionOf(redis).replace(/ sha=.*/, '') : 'not installed'} |
| Chromium | ${chromium ? versionOf(chromium) : 'not installed'} |
| libraries | ${libraries.join(' · ')} |
| compilers | ${versionOf('g++')} · ${versionOf('em++')} |
`;
}
