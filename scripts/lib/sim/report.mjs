// What a campaign found, for people.

import { showProgress } from '../run.mjs';
import { pairs } from './campaign.mjs';

// A campaign of at least so many lite seeds has to reach every mark.
export const kSeedsForMarks = 5_000;
const kBarWidth = 24;
// More than so many are not worth reading; the JSON has them all.
const kPairsTold = 60;

/** Whether these marks count against a campaign, or are only told. */
export function marksCount(sum, options) {
  return options.profile === 'lite' && options.mutant === 0 && sum.seeds >= kSeedsForMarks;
}

/** A function that keeps a progress bar up to date on a terminal. */
export function progressBar(total) {
  const started = Date.now();
  return (seeds, failures) => {
    const filled = Math.min(kBarWidth, Math.floor((kBarWidth * seeds) / total));
    const rate = (seeds * 1000) / Math.max(1, Date.now() - started);
    const bar = '█'.repeat(filled) + '░'.repeat(kBarWidth - filled);
    const failed = failures === 0 ? 'no failure' : `${failures} failing`;
    showProgress(`${bar} ${seeds} of ${total} seeds, ${failed}, ${rate.toFixed(0)} seeds/s`);
  };
}

const number = (value) => value.toLocaleString('en-US', { maximumFractionDigits: 1 });

/** The report of a campaign: `sum` as `campaign` returns it, `kept` as `keepFailure` does. */
export function campaignReport(sum, options, kept) {
  const lines = [
    `${number(sum.seeds)} ${options.profile} seeds from ${options.first} on, ${sum.failures} failing`,
    `  simulated        ${number(sum.simulated_s)} s in ${number(sum.cpu_s)} CPU s: ${number(sum.ratio)} s for one`,
    `  seeds            ${number((sum.seeds * 60) / Math.max(sum.cpu_s, 0.001))} a CPU minute`,
    `  events, checks   ${number(sum.events)}, ${number(sum.checks)}`,
    `  trace            ${sum.trace}`,
  ];
  if (sum.run_twice > 0) lines.push(`  run twice        ${number(sum.run_twice)}`);
  const struck = Object.entries(sum.faults).filter(([, [times]]) => times > 0);
  lines.push('  faults           strikes  in seeds');
  for (const [name, [times, seeds]] of struck) lines.push(`    ${name.padEnd(14)}${String(times).padStart(8)}${String(seeds).padStart(10)}`);
  const { count, missing } = pairs(sum);
  if (count > 0) lines.push(`  pairs            ${count - missing.length} of ${count} of two families, or an operation and a family, met in a seed`);
  if (missing.length > 0 && missing.length <= kPairsTold) lines.push(`    never: ${missing.join(', ')}`);
  const marks = Object.keys(sum.marks).length;
  if (marks > 0) lines.push(`  marks            ${marks - sum.unreached.length} of ${marks} reached`);
  for (const name of sum.unreached) lines.push(`    never: ${name}`);
  for (const failure of sum.found) lines.push('', `seed ${failure.seed} breaks ${failure.invariant} after ${failure.at_ms} ms: ${failure.detail}`);
  if (kept) lines.push('', reproReport(kept));
  if (sum.unreached.length > 0 && marksCount(sum, options)) {
    lines.push('', 'The campaign fails: it never came to the situations above, so it says nothing about them.');
  }
  return lines.join('\n');
}

function reproReport({ folder, repro }) {
  const steps = repro.steps.map(({ at_ms, kind, actor, a, b }) => `  ${String(at_ms).padStart(7)} ms  ${kind} actor=${actor} a=${a} b=${b}`);
  return [
    `made smaller by ${repro.runs} runs: ${repro.operations} operations, ${repro.clients} clients, ${repro.families} fault families`,
    ...steps,
    `  then ${repro.invariant}: ${repro.detail}`,
    `${folder}/repro.json          npm run sim -- --replay ${folder}/repro.json`,
    `${folder}/repro_test.cpp      a test case`,
    `${folder}/diagram.html        a picture of it`,
  ].join('\n');
}

/** The scoreboard as a table. */
export function scoreboardReport(board) {
  const rows = board.bugs.map((bug) => [
    String(bug.number), bug.name, bug.seeds === null ? `not in ${bug.tried}` : String(bug.seeds), bug.invariant ?? '',
    bug.shrunk ? `${bug.shrunk.operations} operations, ${bug.shrunk.clients} clients, ${bug.shrunk.families} families` : '',
  ]);
  const head = ['bug', 'name', 'seeds', 'caught by', 'repro'];
  const widths = head.map((text, i) => Math.max(text.length, ...rows.map((row) => row[i].length)));
  const table = [head, ...rows].map((row) => row.map((text, i) => text.padEnd(widths[i])).join('  ').trimEnd());
  const lines = [...table, '', `${board.found} of ${board.bugs.length} planted bugs found, ${board.within1000} within 1,000 seeds`];
  if (board.medians) {
    const { operations, clients, families, runs, cpu_s } = board.medians;
    lines.push(`medians of the repros: ${operations} operations, ${clients} clients, ${families} families, made by ${runs} runs in ${cpu_s.toFixed(1)} CPU s`);
  }
  return lines.join('\n');
}
