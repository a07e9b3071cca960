// The parts that scripts put together, each built only where something changed.

import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { git, root } from './repository.mjs';
import { run } from './run.mjs';

/** Thrown when a part cannot be built; the message is for the person at the terminal. */
export class BuildError extends Error {}

async function must(command, label) {
  const log = join(root, 'build', 'log', `${label.replace(/\W+/g, '-')}.log`);
  const { code, output } = await run(command, { label, log });
  if (code === 0) return;
  const missing = code === 127 ? '\nIs everything installed? scripts/bootstrap installs what is missing.' : '';
  throw new BuildError(`${label} failed\n${output.trimEnd().split('\n').slice(-40).join('\n')}${missing}`);
}

/** Targets of a preset. */
export async function buildPreset(name, targets, label) {
  await must(['cmake', '--preset', name], label);
  const jobs = String(availableParallelism());
  await must(['cmake', '--build', '--preset', name, '-j', jobs, '--target', ...targets], label);
}

export const serverBinary = 'build/release/host-native/topgun-server';
const kAddon = 'build/release/host-native/addon/topgun.node';
const kWasm = 'build/wasm-release/wasm/topgun.wasm';
const kWasmSimulator = 'build/wasm-release/wasm/simulator/topgun-sim.wasm';
const kNativeSimulator = 'build/release/tests/sim/topgun-sim';
const kPackageFolder = 'js-bindings/dist';
export const demoFolder = 'build/examples/todo';
export const boardFolder = 'build/examples/board';
export const simulatorFolder = 'build/examples/simulator';

export const buildServer = () => buildPreset('release', ['topgun-server'], 'server');
/** The simulator, as products are built and with probes. */
export const buildSimulator = () => buildPreset('release', ['topgun-sim', 'topgun-sim-probed'], 'simulator');

/** The simulator for Node and browsers. */
export const buildWasmSimulator = () => buildPreset('wasm-release', ['topgun_simulator'], 'simulator in WebAssembly');

/** The npm package in js-bindings/dist and packed in dist/: its WebAssembly, its addon, its scripts. */
export async function buildPackage() {
  await buildPreset('wasm-release', ['topgun_wasm', 'topgun_queries_wasm', 'topgun_embind'], 'WebAssembly');
  await buildPreset('release', ['topgun_addon'], 'Node addon');
  const parts = {
    inputs: ['js-bindings', 'LICENSE', 'package-lock.json'],
    files: [kWasm, kAddon],
    outputs: [`${kPackageFolder}/topgun.wasm`, `${kPackageFolder}/index.browser.js`, 'dist'],
  };
  await whenChanged('package', parts, () => must(['node', 'js-bindings/scripts/build.mjs'], 'npm package'));
}

/** The todo app as static files. Needs the package. */
export async function buildTodoApp() {
  const parts = {
    inputs: ['examples/todo', 'examples/base.css', 'examples/bundle.mjs', 'scripts/build-examples'],
    files: [join('build', 'stamp', 'package')],
    outputs: [`${demoFolder}/index.html`],
  };
  await whenChanged('todo', parts, () => must(['node', 'scripts/build-examples', 'todo'], 'todo app'));
}

/** The board as static files. Needs the package. */
export async function buildBoard() {
  const parts = {
    inputs: ['examples/board', 'examples/base.css', 'examples/todo/src/service-worker.ts', 'examples/bundle.mjs', 'scripts/build-examples'],
    files: [join('build', 'stamp', 'package')],
    outputs: [`${boardFolder}/index.html`],
  };
  await whenChanged('board', parts, () => must(['node', 'scripts/build-examples', 'board'], 'board'));
}

/** The simulator's page as static files, with the traces of native runs to compare with. */
export async function buildSimulatorPage() {
  await buildWasmSimulator();
  await buildPreset('release', ['topgun-sim'], 'simulator');
  const parts = {
    inputs: ['examples/simulator', 'examples/base.css', 'examples/todo/src/service-worker.ts', 'examples/bundle.mjs', 'scripts/build-examples', 'scripts/lib/sim'],
    files: [kWasmSimulator, kNativeSimulator],
    outputs: [`${simulatorFolder}/index.html`],
  };
  await whenChanged('simulator-page', parts, () => must(['node', 'scripts/build-examples', 'simulator'], 'simulator page'));
}

/** A digest of the files below `paths`, ignored ones aside, with their text. */
function digestOf(paths) {
  const hash = createHash('sha256');
  for (const path of git('ls-files', '--cached', '--others', '--exclude-standard', ...paths)) {
    const file = join(root, path);
    if (existsSync(file)) hash.update(path).update('\0').update(readFileSync(file)).update('\0');
  }
  return hash;
}

/**
 * Runs `build` unless it ran before with the same inputs and its outputs are still there.
 * @param {string} name
 * @param {{inputs: string[], files?: string[], outputs: string[]}} parts folders of the repository;
 *   built files that count as inputs; what must exist afterwards
 */
async function whenChanged(name, { inputs, files = [], outputs }, build) {
  const hash = digestOf(inputs);
  for (const file of files) hash.update(readFileSync(join(root, file)));
  const digest = hash.digest('hex');
  const stamp = join(root, 'build', 'stamp', name);
  const fresh = existsSync(stamp) && readFileSync(stamp, 'utf8') === digest;
  if (fresh && outputs.every((path) => existsSync(join(root, path)))) return;
  await build();
  mkdirSync(join(root, 'build', 'stamp'), { recursive: true });
  writeFileSync(stamp, digest);
}
