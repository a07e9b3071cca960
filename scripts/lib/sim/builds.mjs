// The builds of the simulator that must tell the same story, and what each of them tells.

import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { buildPreset } from '../build.mjs';
import { root } from '../repository.mjs';
import { kWasmSimulator, WasmSimulator } from './wasm.mjs';

const native = (preset) => join(root, 'build', preset, 'tests/sim/topgun-sim');

/** The first is the one that the others are compared with. `where` it runs: here, or in a browser. */
export const kSimulatorBuilds = [
  { name: 'g++ -O2', preset: 'release', target: 'topgun-sim', program: native('release') },
  { name: 'g++ -O3', preset: 'optimised', target: 'topgun-sim', program: native('optimised') },
  { name: 'clang -O0', preset: 'unoptimised', target: 'topgun-sim', program: native('unoptimised') },
  { name: 'clang, ASan and UBSan', preset: 'asan', target: 'topgun-sim', program: native('asan') },
  { name: 'WebAssembly in Node', preset: 'wasm-release', target: 'topgun_simulator', program: kWasmSimulator },
  { name: 'WebAssembly in Chromium', preset: 'wasm-release', target: 'topgun_simulator', program: kWasmSimulator, where: 'browser' },
];

/** The trace of the simulator: a line a seed. */
export function simulatorTrace(program, seeds) {
  const words = ['--seeds', `1..${seeds}`, '--failures', String(seeds), '--each'];
  const { status, stdout, stderr } = spawnSync(program, words, { encoding: 'utf8', maxBuffer: 2 ** 30 });
  // Whether seeds fail is for others to judge; here they only have to do so in the same way.
  if (status !== 0 && status !== 1) throw new Error(`${program} ended with ${status}\n${stderr}`);
  const runs = stdout.trimEnd().split('\n').map((line) => JSON.parse(line)).filter(({ event }) => event === 'run');
  return runs.map(({ seed, trace }) => `simulated seed ${seed} ${trace}`);
}

/** The same from the simulator in WebAssembly. */
export function wasmSimulatorTrace(path, seeds) {
  const simulator = new WasmSimulator(new WebAssembly.Module(readFileSync(path)));
  return Array.from({ length: seeds }, (_, i) => `simulated seed ${i + 1} ${simulator.run(i + 1).trace}`);
}

/** The same from a page of Chromium that is given nothing but the module. */
export async function browserSimulatorTrace(path, seeds) {
  const { launchBrowser, openPage } = await import('../../../tests/support/browser.mjs');
  const endings = [];
  try {
    const page = await openPage(await launchBrowser({ after: (end) => endings.push(end) }), 'about:blank');
    await page.evaluate(async (module) => {
      const bytes = Uint8Array.from(atob(module), (letter) => letter.charCodeAt(0));
      const compiled = await WebAssembly.compile(bytes);
      const imports = {};
      for (const { module: from, name } of WebAssembly.Module.imports(compiled)) (imports[from] ??= {})[name] = () => 0;
      const { exports } = await WebAssembly.instantiate(compiled, imports);
      exports._initialize?.();
      globalThis.traceOf = (seed) => {
        exports.sim_draft_seed(BigInt(seed), 1);
        exports.sim_run();
        const text = new Uint8Array(exports.memory.buffer, exports.sim_result_pointer() >>> 0, exports.sim_result_size());
        return JSON.parse(new TextDecoder().decode(text)).trace;
      };
    }, readFileSync(path).toString('base64'));
    const lines = [];
    for (let seed = 1; seed <= seeds; seed++) {
      const trace = await page.evaluate((number) => globalThis.traceOf(number), seed);
      lines.push(`simulated seed ${seed} ${trace}`);
    }
    return lines;
  } finally {
    for (const end of endings) await end();
  }
}

/** What one of `kSimulatorBuilds` tells of lite seeds 1 to `seeds`. */
export function traceOfBuild({ program, where }, seeds) {
  if (where === 'browser') return browserSimulatorTrace(program, seeds);
  return program.endsWith('.wasm') ? wasmSimulatorTrace(program, seeds) : simulatorTrace(program, seeds);
}

/** Builds one of `kSimulatorBuilds`. */
export const buildOf = ({ preset, target, name }) => buildPreset(preset, [target], `simulator, ${name}`);

/**
 * The differences between the traces of builds, in words; none when all agree.
 * @param {{name: string, lines: string[]}[]} traces
 */
export function differences(traces) {
  const [reference, ...others] = traces;
  const found = [];
  if (reference.lines.length === 0) found.push(`${reference.name}: an empty trace`);
  for (const { name, lines } of others) {
    if (lines.length !== reference.lines.length) {
      found.push(`${name}: ${lines.length} lines, ${reference.name} has ${reference.lines.length}`);
    }
    for (let i = 0; i < Math.min(lines.length, reference.lines.length); i++) {
      if (lines[i] !== reference.lines[i]) {
        found.push(`${name}: "${lines[i]}", ${reference.name} has "${reference.lines[i]}"`);
      }
    }
  }
  return found;
}
