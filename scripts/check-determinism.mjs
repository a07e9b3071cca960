#!/usr/bin/env node
// usage: check-determinism.mjs [seeds [simulated seeds]]
//
// Runs the program of tests/determinism as every preset built it and compares the traces: same
// seed, same section, same hash, in all builds. Then the same with the simulator of those presets
// that build it. Says where builds part.

import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { isMain, root } from './lib/repository.mjs';
import { differences, kSimulatorBuilds, traceOfBuild } from './lib/sim/builds.mjs';

const kProgram = 'tests/determinism/topgun_determinism';

/** The builds that must agree, the first being the one that others are compared with. */
const kBuilds = [
  { name: 'g++ -O2', program: `build/release/${kProgram}` },
  { name: 'g++ -O1, all assertions', program: `build/dev/${kProgram}` },
  { name: 'clang -O0', program: `build/unoptimised/${kProgram}` },
  { name: 'clang, ASan and UBSan', program: `build/asan/${kProgram}` },
  { name: 'WebAssembly in Node', program: `build/wasm-release/${kProgram}.wasm` },
];

/** The builds of the simulator that are compared at each run; `npm run sim -- --builds` takes all. */
export const simulators = kSimulatorBuilds.filter(({ preset, where }) => preset !== 'optimised' && where !== 'browser');
const kSimulatedSeeds = 10;

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

/** The traces of `builds`, by what `trace` makes of each; ends the process if one is missing. */
function tracesOf(builds, trace) {
  return builds.map((build) => {
    const path = resolve(root, build.program);
    if (!existsSync(path)) {
      console.error(`determinism: ${build.program} is not built`);
      process.exit(1);
    }
    const lines = trace({ ...build, program: path });
    console.log(`${lines.length} hashes from ${build.name}`);
    return { name: build.name, lines };
  });
}

if (isMain(import.meta.url)) {
  const seeds = Array.from({ length: Number(process.argv[2] ?? 20) }, (_, i) => i + 1);
  const simulatedSeeds = Number(process.argv[3] ?? kSimulatedSeeds);
  const simulated = simulators.map((build) => ({ ...build, name: `${build.name}, simulator` }));
  const found = [
    ...differences(tracesOf(kBuilds, ({ program }) => (program.endsWith('.wasm') ? wasmTrace : nativeTrace)(program, seeds))),
    ...differences(tracesOf(simulated, (build) => traceOfBuild(build, simulatedSeeds))),
  ];
  for (const difference of found.slice(0, 10)) console.error(difference);
  if (found.length > 0) {
    console.error(`determinism: ${found.length} differences between builds`);
    process.exit(1);
  }
  console.log('determinism: all builds agree');
}
