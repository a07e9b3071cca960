#!/usr/bin/env node
// usage: npm test [-- [--list] [step...]]
//
// Runs every test, or the named steps, each whatever became of those before it. Output goes to
// build/test/<step>.log; what failed is shown. The last line is `N passed, N failed`.

import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';

import { ctestCounts, nodeCounts } from './lib/counts.mjs';
import { ensurePackages } from './lib/packages.mjs';
import { files, root } from './lib/repository.mjs';
import { run } from './lib/run.mjs';
import { simulators } from './check-determinism.mjs';
import { changedSources } from './check-tidy.mjs';

const kNodeStepMsMax = 15 * 60_000;
const kJobs = String(availableParallelism());

/** One step of the run: adds up counts, and keeps the output of what failed. */
class Step {
  passed = 0;
  failed = 0;
  skipped = 0;
  failures = [];

  constructor(name) {
    this.name = name;
    this.log = join(root, 'build', 'test', `${name}.log`);
    rmSync(this.log, { force: true });
  }

  run(command, options = {}) {
    return run(command, { log: this.log, label: this.name, ...options });
  }

  add({ passed, failed, skipped = 0 }, output = '') {
    this.passed += passed;
    this.failed += failed;
    this.skipped += skipped;
    if (failed > 0) this.failures.push(output);
  }

  /** A command that counts as one test. Resolves to whether it passed. */
  async check(command, options) {
    const { code, output } = await this.run(command, options);
    this.add({ passed: code === 0 ? 1 : 0, failed: code === 0 ? 0 : 1 }, output);
    return code === 0;
  }

  /** A command that only counts when it fails. Resolves to whether it worked. */
  async need(command, options) {
    const { code, output } = await this.run(command, options);
    if (code !== 0) this.add({ passed: 0, failed: 1 }, output);
    return code === 0;
  }

  build(preset, ...targets) {
    const target = targets.length > 0 ? ['--target', ...targets] : [];
    return this.need(['cmake', '--preset', preset]).then(
      (configured) => configured && this.need(['cmake', '--build', '--preset', preset, '-j', kJobs, ...target]),
    );
  }

  async ctest(preset, ...options) {
    const junit = join(root, 'build', 'test', `${this.name}.xml`);
    rmSync(junit, { force: true });
    const { code, output } = await this.run([
      'ctest', '--preset', preset, '-j', kJobs, '--output-junit', junit, ...options,
    ]);
    const counts = existsSync(junit) ? ctestCounts(readFileSync(junit, 'utf8')) : { passed: 0, failed: 0 };
    if (code !== 0 && counts.failed === 0) counts.failed = 1;
    this.add(counts, output);
  }

  /** Test files of Node's test runner, ended when they take too long. */
  async node(paths) {
    const command = ['node', '--test', '--test-reporter=tap', ...paths];
    const { code, output } = await this.run(command, { timeout_ms: kNodeStepMsMax });
    this.addNodeRun(code, output);
  }

  addNodeRun(code, output) {
    const counts = nodeCounts(output) ?? { passed: code === 0 ? 1 : 0, failed: 0 };
    if (code !== 0 && counts.failed === 0) counts.failed = 1;
    const failures = output.split(/^(?=(?:not )?ok \d)/m).filter((part) => part.startsWith('not ok'));
    this.add(counts, failures.length > 0 ? failures.join('') : output);
  }
}

/** Tests of Node's test runner below tests/, by folder: `{browser: ['tests/browser/a.test.mjs']}`. */
function nodeTests() {
  const folders = {};
  for (const { path } of files(/^tests\/.*\.test\.mjs$/)) (folders[path.split('/')[1]] ??= []).push(path);
  return folders;
}

const { scripts, start, ...endToEnd } = nodeTests();

const steps = {
  async checks(step) {
    for (const check of ['layers', 'banned', 'shape', 'format', 'links']) {
      await step.check(['node', `scripts/check-${check}.mjs`]);
    }
  },

  async scripts(step) {
    await step.node(scripts);
  },

  async native(step) {
    if (await step.build('dev')) await step.ctest('dev', '-LE', 'slow');
  },

  async wasm(step) {
    if (await step.build('wasm-dev')) await step.ctest('wasm-dev', '-LE', 'slow');
  },

  async sanitizers(step) {
    if (await step.build('asan')) await step.ctest('asan', '-LE', 'slow');
  },

  async determinism(step) {
    const built = [];
    for (const preset of ['release', 'dev', 'unoptimised', 'asan', 'wasm-release']) {
      const simulator = simulators.filter((build) => build.preset === preset).map(({ target }) => target);
      built.push(await step.build(preset, 'topgun_determinism', 'topgun_core', ...simulator));
    }
    if (built.includes(false)) return;
    await step.check(['node', 'scripts/check-determinism.mjs']);
    await step.check(['node', 'scripts/check-core-needs.mjs']);
  },

  async simulation(step) {
    if (!(await step.build('release', 'topgun-sim', 'topgun-sim-probed'))) return;
    await step.check(['node', 'scripts/check-simulation.mjs']);
    await step.check(['node', 'scripts/check-simulation.mjs', 'campaigns']);
    await step.check(['node', 'scripts/check-simulation.mjs', 'regressions']);
    await step.check(['node', 'scripts/check-probes.mjs']);
  },

  async tidy(step) {
    if (!(await step.need(['cmake', '--preset', 'dev']))) return;
    const sources = changedSources();
    if (sources.length === 0) return step.add({ passed: 1, failed: 0 }); // Nothing changed, nothing wrong.
    for (const source of sources) await step.check(['node', 'scripts/check-tidy.mjs', source]);
  },

  async product(step) {
    await step.check(['node', 'scripts/build.mjs']);
  },

  async javascript(step) {
    if (!(await step.build('wasm-release', 'topgun_wasm', 'topgun_queries_wasm'))) return;
    if (!(await step.build('dev', 'topgun_addon', 'topgun-server'))) return;
    const { code, output } = await step.run(['node', 'js-bindings/scripts/test.mjs']);
    step.addNodeRun(code, output);
  },

  // End to end, one step a folder: browser, packaging, server...
  ...Object.fromEntries(Object.entries(endToEnd).map(([folder, paths]) => [folder, (step) => step.node(paths)])),

  async server(step) {
    if (await step.build('dev', 'topgun-load')) await step.node(endToEnd.server);
  },

  async examples(step) {
    if (await step.build('wasm-release', 'topgun_simulator')) await step.node(endToEnd.examples);
  },

  async start(step) {
    await step.node(start);
  },
};

const wanted = process.argv.slice(2);
if (wanted.includes('--list')) {
  console.log(Object.keys(steps).join('\n'));
  process.exit(0);
}
const unknown = wanted.filter((name) => !(name in steps));
if (unknown.length > 0) {
  console.error(`no such step: ${unknown.join(', ')}. Steps: ${Object.keys(steps).join(', ')}`);
  process.exit(2);
}

mkdirSync(join(root, 'build', 'test'), { recursive: true });
await ensurePackages(() => {}).catch((error) => console.error(error.message));
const names = wanted.length > 0 ? wanted : Object.keys(steps);
const done = [];
for (const name of names) {
  const step = new Step(name);
  const started = Date.now();
  try {
    await steps[name](step);
  } catch (error) {
    step.add({ passed: 0, failed: 1 }, error.stack);
  }
  if (step.passed + step.failed === 0) step.add({ passed: 0, failed: 1 }, 'nothing was tested');
  const seconds = ((Date.now() - started) / 1000).toFixed(1);
  const skipped = step.skipped > 0 ? `, ${step.skipped} skipped` : '';
  console.log(`${step.failed > 0 ? 'FAIL' : 'ok  '} ${name}: ${step.passed} passed, ${step.failed} failed${skipped} (${seconds} s)`);
  for (const output of step.failures) {
    const lines = output.trimEnd().split('\n');
    console.log(lines.slice(-60).map((line) => `     ${line}`).join('\n'));
  }
  if (step.failed > 0) console.log(`     all of it: build/test/${name}.log`);
  done.push(step);
}

const passed = done.reduce((sum, step) => sum + step.passed, 0);
const failed = done.reduce((sum, step) => sum + step.failed, 0);
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed > 0 ? 1 : 0);
