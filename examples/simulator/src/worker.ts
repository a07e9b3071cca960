// The simulator in a Web Worker. Requests are answered in their order; a run that ends in a trap (the
// product's own assertions stop it) takes its instance along, and the next request gets a new one.

import { SimulatorModule } from './module.js';
import type { AnswerMessage, RequestMessage, Requests } from './requests.js';
import type { Outcome, Run, Shrunk } from './types.js';

declare const WASM_FILE: string;

const FIRST_SHRINK_RUNS = 40;

const compiled = WebAssembly.compileStreaming(fetch(new URL(WASM_FILE, location.href)));
let stage: SimulatorModule | undefined;
let bench: SimulatorModule | undefined;

type Handlers = { [Name in keyof Requests]: (params: Requests[Name]['params'], id: number) => Requests[Name]['result'] | Promise<Requests[Name]['result']> };

const handlers: Handlers = {
  catalog: () => onBench().then((simulator) => simulator.catalog()),
  async open({ run }) {
    const simulator = (stage = new SimulatorModule(await compiled));
    const scenario = simulator.draft(run);
    simulator.start();
    return { scenario, view: simulator.view() };
  },
  runUntil({ us }) {
    session().runUntil(us);
    return session().view();
  },
  runEvents({ count }) {
    session().runEvents(count);
    return session().view();
  },
  rewind({ us }) {
    session().rewind(us);
    return session().view();
  },
  act({ deed }) {
    const done = session().act(deed);
    return { done, view: session().view() };
  },
  contents: ({ machine }) => session().contents(machine),
  async whole({ run }) {
    return wholeRun(await onBench(), run);
  },
  async hunt({ mutant, profile, seeds }, id) {
    for (let seed = 1; seed <= seeds; seed++) {
      const run: Run = { kind: 'seed', seed, profile, mutant };
      const outcome = runOrTrap(await onBench(), run);
      if (outcome.violation) return outcome;
      if (seed % 8 === 0) postMessage({ id, progress: seed } satisfies AnswerMessage);
    }
    return null;
  },
  async shrink({ run, runs }, id) {
    const simulator = await onBench();
    simulator.draft(run);
    let shrunk: Shrunk | null = null;
    // In rounds, each from what the one before left, so that there is something to tell in between; twice as long each
    // time, so that one of them comes to the end of what it tries.
    for (let spent = 0, round = FIRST_SHRINK_RUNS; spent < runs; round *= 2) {
      const most = Math.min(round, runs - spent);
      const smaller = simulator.shrink(most);
      if (!smaller) break;
      spent += smaller.runs;
      shrunk = { ...smaller, runs: spent };
      postMessage({ id, progress: smaller.scenario.steps.length } satisfies AnswerMessage);
      if (smaller.runs < most) break;
    }
    return shrunk && { shrunk, events: simulator.tell().events };
  },
};

function session(): SimulatorModule {
  if (!stage) throw new Error('no run is open');
  return stage;
}

/** A second simulator, for whole runs beside the session. */
async function onBench(): Promise<SimulatorModule> {
  return (bench ??= new SimulatorModule(await compiled));
}

function wholeRun(simulator: SimulatorModule, run: Run): Outcome {
  simulator.draft(run);
  return simulator.run();
}

/** A planted bug may also end in an assertion of the product, which counts as caught. */
function runOrTrap(simulator: SimulatorModule, run: Run): Outcome {
  try {
    return wholeRun(simulator, run);
  } catch (error) {
    bench = undefined;
    const seed = run.kind === 'scenario' ? '' : String(run.seed);
    const violation = { invariant: 'assertion', detail: `an assertion of the product stopped the run: ${String(error)}`, at_ms: 0 };
    return { seed, trace: '', events: 0, simulated_ms: 0, checks: 0, violation };
  }
}

let before: Promise<void> = Promise.resolve();

addEventListener('message', ({ data }: MessageEvent<RequestMessage>) => {
  before = before.then(() => answer(data));
});

async function answer({ id, name, params }: RequestMessage): Promise<void> {
  try {
    const handler = handlers[name] as (params: object, id: number) => unknown;
    postMessage({ id, result: await handler(params, id) } satisfies AnswerMessage);
  } catch (error) {
    const text = error instanceof WebAssembly.RuntimeError ? `an assertion of the product stopped the run (${error.message})` : String(error);
    postMessage({ id, error: text } satisfies AnswerMessage);
  }
}
