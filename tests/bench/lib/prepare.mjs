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

/** Whether the `node_modules` of a folder holds the versions that it pins. */
function isInstalled(where) {
  const installed = join(where, 'node_modules/.package-lock.json');
  if (!existsSync(installed)) return false;
  const have = JSON.parse(readFileSync(installed, 'utf8')).packages;
  const { devDependencies } = JSON.parse(readFileSync(join(where, 'package.json'), 'utf8'));
  return Object.entries(devDependencies).every(([name, version]) => have[`node_modules/${name}`]?.version === version);
}

// Not `npm ci`: it refuses a lock file in which npm left out the optional packages of other platforms.
const install = (cwd) => must(['npm', 'install', '--no-save', '--ignore-scripts', '--no-audit', '--no-fund'], { cwd });

/** Built from its source with the headers of the Node that runs: nothing but the package is downloaded. */
async function installSqlite() {
  const cwd = join(folder, 'contenders/query');
  if (isInstalled(cwd)) return;
  await install(cwd);
  const prefix = join(process.execPath, '../..');
  if (!existsSync(join(prefix, 'include/node/node.h'))) {
    return progress('the headers of Node are missing: better-sqlite3 is not built');
  }
  progress('building better-sqlite3, which takes two minutes');
  const gyp = join(prefix, 'lib/node_modules/npm/node_modules/node-gyp/bin/node-gyp.js');
  const { code } = await run(['node', gyp, 'rebuild', '--release', `--nodedir=${prefix}`], {
    cwd: join(cwd, 'node_modules/better-sqlite3'),
    env: { CC: 'ccache cc', CXX: 'ccache c++' },
  });
  if (code !== 0) progress('better-sqlite3 could not be built');
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
  baselines: async () => {
    if (!isInstalled(folder)) await install(folder);
  },
  sqlite: installSqlite,
};

/** @param {Set<string>} needs of `operations`, `server`, `query`, `package`, `board`, `simulator`, `baselines`, `sqlite` */
export async function prepare(needs) {
  for (const [name, step] of Object.entries(steps)) {
    if (needs.has(name)) await step();
  }
}
