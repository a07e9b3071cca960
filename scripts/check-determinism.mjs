#!/usr/bin/env node
// usage: check-determinism.mjs [seeds [simulated seeds]]
//
// Runs the program of tests/determinism as every preset built it and compares the traces: same
// seed, same section, same hash, in all builds. Then the same with the simulator of those presets
// that build it. Says where builds part.

import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isMain, root } from './lib/repository.mjs';
import { WasmSimulator } from './lib/sim/wasm.mjs';

const kProgram = 'tests/determinism/topgun_determinism';

/** The builds that must agree, the first being the one that others are compared with. */
const kBuilds = [
  { name: 'g++ -O2', program: `build/release/${kProgram}` },
  { name: 'g++ -O1, all assertions', program: `build/dev/${kProgram}` },
  { name: 'clang -O0', program: `build/unoptimised/${kProgram}` },
  { name: 'clang, ASan and UBSan', program: `build/asan/${kProgram}` },
  { name: 'WebAssembly in Node', program: `build/wasm-release/${kProgram}.wasm` },
];

/** The presets whose simulators must agree, too, by the names of their builds. */
export const simulators = { release: 'g++ -O2', unoptimised: 'clang -O0', asan: 'clang, ASan and UBSan' };
/** Compared too where somebody has built it: `cmake --preset optimised && cmake --build --preset optimised`. */
const kOptimised = { name: 'g++ -O3, simulator', program: 'build/optimised/tests/sim/topgun-sim' };
const kWasmSimulator = 'build/wasm-release/wasm/simulator/topgun-sim.wasm';
const kSimulatedSeeds = 10;

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

/** The trace of a native build: `seed section hash` lines. */
export function nativeTrace(program, seeds) {
  return seeds.flatMap((seed) =>
    execFileSync(program, [String(seed)], { encoding: 'utf8' })
      .trimEnd()
      .split('\n')
      .map((line) => `seed ${seed} ${line}`),
  );
}

/** The same from the WebAssembly module, which is given functions that do nothing to import. */
export function wasmTrace(path, seeds) {
  const module = new WebAssembly.Module(readFileSync(path));
  const imports = {};
  for (const { module: from, name } of WebAssembly.Module.imports(module)) {
    imports[from] ??= {};
    imports[from][name] = () => 0;
  }
  const { exports } = new WebAssembly.Instance(module, imports);
  exports._initialize?.();
  const name = (index) =>
    Buffer.from(exports.memory.buffer, exports.section_name(index), exports.section_name_size(index)).toString();
  return seeds.flatMap((seed) =>
    Array.from({ length: exports.section_count() }, (_, index) => {
      const hash = BigInt.asUintN(64, exports.section_hash(index, BigInt(seed)));
      return `seed ${seed} ${name(index)} ${hash.toString(16).padStart(16, '0')}`;
    }),
  );
}

/** The trace of the simulator: a line a seed. */
export function simulatorTrace(program, seeds) {
  const words = ['--seeds', `1..${seeds}`, '--failures', String(seeds), '--each'];
  const { status, stdout, stderr } = spawnSync(program, words, { encoding: 'utf8' });
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

/** The traces of `builds`, by what `trace` makes of each; ends the process if one is missing. */
function tracesOf(builds, trace) {
  return builds.map(({ name, program }) => {
    const path = join(root, program);
    if (!existsSync(path)) {
      console.error(`determinism: ${program} is not built`);
      process.exit(1);
    }
    const lines = trace(path);
    console.log(`${lines.length} hashes from ${name}`);
    return { name, lines };
  });
}

if (isMain(import.meta.url)) {
  const seeds = Array.from({ length: Number(process.argv[2] ?? 20) }, (_, i) => i + 1);
  const simulatedSeeds = Number(process.argv[3] ?? kSimulatedSeeds);
  const simulated = Object.entries(simulators).map(([preset, name]) => ({ name: `${name}, simulator`, program: `build/${preset}/tests/sim/topgun-sim` }));
  simulated.push({ name: 'WebAssembly in Node, simulator', program: kWasmSimulator });
  if (existsSync(join(root, kOptimised.program))) simulated.push(kOptimised);
  const found = [
    ...differences(tracesOf(kBuilds, (path) => (path.endsWith('.wasm') ? wasmTrace(path, seeds) : nativeTrace(path, seeds)))),
    ...differences(tracesOf(simulated, (path) => (path.endsWith('.wasm') ? wasmSimulatorTrace : simulatorTrace)(path, simulatedSeeds))),
  ];
  for (const difference of found.slice(0, 10)) console.error(difference);
  if (found.length > 0) {
    console.error(`determinism: ${found.length} differences between builds`);
    process.exit(1);
  }
  console.log('determinism: all builds agree');
}
