// Builds what suites measure and installs what they compare with, each only where something is
// missing or changed.

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildBoard, buildPackage, buildSimulator, buildWasmSimulator } from '../../../scripts/lib/build.mjs';
import { run } from '../../../scripts/lib/run.mjs';
import { progress } from './results.mjs';
import { root } from './paths.mjs';

const folder = join(root, 'tests/bench');

async function must(command, options) {
  progress(command.join(' '));
  const { code, output } = await run(command, options);
  if (code !== 0) throw new Error(`${command.join(' ')} ended with ${code}\n${output.split('\n').slice(-40).join('\n')}`);
}

async function build(preset, ...targets) {
  await must(['cmake', '--preset', preset]);
  await must(['cmake', '--build', '--preset', preset, '--target', ...targets]);
}

/** Whether tests/bench/node_modules holds the pinned versions. */
function baselinesInstalled() {
  const installed = join(folder, 'node_modules/.package-lock.json');
  if (!existsSync(installed)) return false;
  const have = JSON.parse(readFileSync(installed, 'utf8')).packages;
  const { devDependencies } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  return Object.entries(devDependencies).every(([name, version]) => have[`node_modules/${name}`]?.version === version);
}

const steps = {
  operations: async () => {
    await build('release', 'topgun_bench_operations');
    await build('wasm-release', 'topgun_bench_operations');
  },
  server: () => build('release', 'topgun-server', 'topgun-load'),
  query: () => build('release', 'topgun_query_bench'),
  package: buildPackage,
  board: buildBoard,
  simulator: async () => {
    await buildSimulator();
    await buildWasmSimulator();
  },
  // Not `npm ci`: it refuses a lock file in which npm left out the optional packages of other platforms.
  baselines: async () => {
    if (!baselinesInstalled()) await must(['npm', 'install', '--no-save', '--ignore-scripts', '--no-audit', '--no-fund'], { cwd: folder });
  },
};

/** @param {Set<string>} needs of `operations`, `server`, `query`, `package`, `board`, `simulator`, `baselines` */
export async function prepare(needs) {
  for (const [name, step] of Object.entries(steps)) {
    if (needs.has(name)) await step();
  }
}
