// The core's operations, native and as WebAssembly, behind one interface: each call resolves to
// {ms, result}. See tests/bench/operations/operations.hpp for what they do.

import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { built } from '../lib/paths.mjs';

/** A child process; its own clock measures, so that the pipe does not count. */
export class NativeOperations {
  constructor() {
    this.child = spawn(built.operations, { stdio: ['pipe', 'pipe', 'inherit'] });
    this.waiting = [];
    createInterface({ input: this.child.stdout }).on('line', (line) => {
      const [ns, result] = line.split(' ').map(Number);
      this.waiting.shift()?.resolve({ ms: ns / 1e6, result });
    });
    this.child.on('exit', (code) => {
      for (const { reject } of this.waiting) reject(new Error(`${built.operations} ended with ${code}`));
    });
  }

  call(line, bytes) {
    return new Promise((resolve, reject) => {
      this.waiting.push({ resolve, reject });
      this.child.stdin.write(`${line}\n`);
      if (bytes) this.child.stdin.write(bytes);
    });
  }

  fill(records) { return this.call(`fill ${records}`); }
  async mergeUpdate(generation) {
    await this.call(`make-update ${generation}`);
    return this.call('merge-update');
  }
  diverge(generation, count) { return this.call(`diverge ${generation} ${count}`); }
  reconcile() { return this.call('reconcile'); }
  digest(replica) { return this.call(`digest ${replica}`); }
  async hash(bytes) {
    await this.call(`load ${bytes.length}`, bytes);
    return this.call('hash');
  }
  close() { this.child.stdin.end(); }
}

/** An instance in this process. Bytes that come in are copied into its memory on the clock. */
export class WasmOperations {
  constructor() {
    const module = new WebAssembly.Module(readFileSync(built.operationsWasm));
    const instance = new WebAssembly.Instance(module, {
      env: { emscripten_notify_memory_growth: () => undefined },
      wasi_snapshot_preview1: new Proxy({}, { get: () => () => 0 }),
    });
    this.exports = instance.exports;
    this.exports._initialize?.();
  }

  timed(body) {
    const begin = performance.now();
    const result = body() >>> 0;
    return { ms: performance.now() - begin, result };
  }

  load(bytes) {
    const at = this.exports.load(bytes.length) >>> 0;
    new Uint8Array(this.exports.memory.buffer, at, bytes.length).set(bytes);
  }
  output() {
    const at = this.exports.buffer() >>> 0;
    return new Uint8Array(this.exports.memory.buffer, at, this.exports.buffer_size());
  }

  fill(records) { return this.timed(() => this.exports.fill(records)); }
  mergeUpdate(generation) {
    this.exports.make_update(generation);
    const update = this.output().slice();
    return this.timed(() => {
      this.load(update);
      return this.exports.merge_update();
    });
  }
  diverge(generation, count) { return this.timed(() => this.exports.diverge(generation, count)); }
  reconcile() { return this.timed(() => this.exports.reconcile()); }
  digest(replica) { return this.timed(() => this.exports.digest(replica)); }
  hash(bytes) {
    return this.timed(() => {
      this.load(bytes);
      return this.exports.hash();
    });
  }
  /** The hash of what was loaded last. */
  hashInPlace() { return this.timed(() => this.exports.hash()); }
  /** Runs `operation` on framed pieces; what it leaves in the buffer is `output`. */
  transform(operation, framed) {
    let output;
    const { ms, result } = this.timed(() => {
      this.load(framed);
      const count = this.exports[operation]();
      output = this.output().slice();
      return count;
    });
    return { ms, result, output };
  }
  close() {}
}
