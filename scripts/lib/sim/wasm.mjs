// The simulator in WebAssembly, in this process: what examples/simulator runs in a Web Worker.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../repository.mjs';

export const kWasmSimulator = join(root, 'build/wasm-release/wasm/simulator/topgun-sim.wasm');

/** Numbers of `Profile` (core/sim/scenario.hpp). */
export const kProfiles = { lite: 1, standard: 2, full: 3 };

const decoder = new TextDecoder();

export class WasmSimulator {
  #exports;

  /** @param {WebAssembly.Module} module */
  constructor(module = new WebAssembly.Module(readFileSync(kWasmSimulator))) {
    const imports = {};
    // What the C library asks of a host is never called: there is no output, file or clock inside.
    for (const { module: from, name } of WebAssembly.Module.imports(module)) {
      imports[from] ??= {};
      imports[from][name] = () => 0;
    }
    this.#exports = new WebAssembly.Instance(module, imports).exports;
    this.#exports._initialize?.();
  }

  get memoryBytes() {
    return this.#exports.memory.buffer.byteLength;
  }

  /** Calls an export by its name without `sim_`, and reads the text that it leaves. */
  call(name, ...words) {
    const value = this.#exports[`sim_${name}`](...words);
    const at = this.#exports.sim_result_pointer() >>> 0;
    const bytes = new Uint8Array(this.#exports.memory.buffer, at, this.#exports.sim_result_size());
    return { value, text: decoder.decode(bytes) };
  }

  /** Drafts the scenario with these bytes; 0, or the code of what is wrong with them. */
  load(bytes) {
    const at = this.#exports.sim_request(bytes.length) >>> 0;
    new Uint8Array(this.#exports.memory.buffer).set(bytes, at);
    return this.#exports.sim_draft_bytes();
  }

  /** A whole run of a seed: `{seed, trace, events, simulated_ms, checks, violation}`. */
  run(seed, profile = 'lite', mutant = 0) {
    this.call('plant', mutant);
    this.call('draft_seed', BigInt(seed), kProfiles[profile]);
    return JSON.parse(this.call('run').text);
  }
}
