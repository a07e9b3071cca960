// The only code that touches the simulator's memory: the raw exports of wasm/simulator/surface.cpp.

import type { Catalog, Contents, Deed, Outcome, ProfileName, Run, Scenario, Shrunk, View } from './types.js';

const PROFILES: Readonly<Record<ProfileName, number>> = { lite: 1, standard: 2, full: 3 };

/** The machine that stands for the server in `contents`. */
export const NODE = 0xffff_ffff;

type Exports = Readonly<Record<string, (...values: readonly (number | bigint)[]) => number>>;

const decoder = new TextDecoder();

/** One simulator, with a draft of a scenario and perhaps a session. */
export class SimulatorModule {
  private readonly exports: Exports;
  private readonly memory: WebAssembly.Memory;

  constructor(module: WebAssembly.Module) {
    const imports: Record<string, Record<string, () => number>> = {};
    // What the C library asks of a host is never called: there is no output, file or clock inside.
    for (const { module: from, name } of WebAssembly.Module.imports(module)) (imports[from] ??= {})[name] = () => 0;
    const { exports } = new WebAssembly.Instance(module, imports);
    this.memory = exports['memory'] as WebAssembly.Memory;
    this.exports = exports as unknown as Exports;
    this.exports['_initialize']?.();
  }

  catalog(): Catalog {
    return this.answer('catalog');
  }

  /** Drafts what `run` names. */
  draft(run: Run): Scenario {
    this.call('plant', run.mutant);
    if (run.kind === 'seed') this.must('draft_seed', BigInt(run.seed), PROFILES[run.profile]);
    if (run.kind === 'quiet') this.must('draft_quiet', BigInt(run.seed), run.clients);
    if (run.kind === 'scenario') this.load(run.bytes);
    return this.answer('scenario');
  }

  /** Runs the draft whole. */
  run(): Outcome {
    return this.answer('run');
  }

  /** Runs the draft whole and says what happened. */
  tell(): { outcome: Outcome; events: readonly object[] } {
    return this.answer('tell');
  }

  /** Makes the draft smaller; null if nothing is wrong with it. */
  shrink(runsMax: number): Shrunk | null {
    return this.answer('shrink', runsMax);
  }

  start(): void {
    this.call('start');
  }

  /** False at the end. */
  runUntil(us: number): boolean {
    return this.call('run_until', us) === 1;
  }

  runEvents(count: number): boolean {
    return this.call('run_events', count) === 1;
  }

  rewind(us: number): void {
    this.call('rewind', us);
  }

  /** False if it makes no sense now. */
  act({ kind, step = 0, actor = 0, a = 0, b = 0 }: Deed): boolean {
    return this.call('act', kind, step, actor, BigInt(a), BigInt(b)) === 1;
  }

  view(): View {
    return this.answer('world');
  }

  contents(machine: number): Contents {
    return this.answer('contents', machine);
  }

  private load(hex: string): void {
    const bytes = Uint8Array.from(hex.match(/../g) ?? [], (digits) => Number.parseInt(digits, 16));
    const at = this.call('request', bytes.length) >>> 0;
    if (at === 0) throw new Error('the scenario is too large');
    new Uint8Array(this.memory.buffer).set(bytes, at);
    if (this.call('draft_bytes') !== 0) throw new Error('the scenario in the link is damaged');
  }

  private must(name: string, ...values: readonly (number | bigint)[]): void {
    if (this.call(name, ...values) !== 1) throw new Error(`the simulator refuses ${name}`);
  }

  private call(name: string, ...values: readonly (number | bigint)[]): number {
    const run = this.exports[`sim_${name}`];
    if (!run) throw new Error(`the simulator has no ${name}`);
    return run(...values);
  }

  private answer<T>(name: string, ...values: readonly (number | bigint)[]): T {
    this.call(name, ...values);
    const at = this.call('result_pointer') >>> 0;
    const bytes = new Uint8Array(this.memory.buffer, at, this.call('result_size'));
    return JSON.parse(decoder.decode(bytes)) as T;
  }
}
