// How much virtual time the simulator gets through in a second of CPU time, with all assertions on, and
// how many small worlds in a minute of it: natively, and in WebAssembly as its page runs it.

import { simulate, kPrograms } from '../../../scripts/lib/sim/process.mjs';
import { WasmSimulator } from '../../../scripts/lib/sim/wasm.mjs';
import { mustAgree } from '../lib/measure.mjs';
import { progress } from '../lib/results.mjs';

const kBars = {
  native: { lite: ['>=', 1000], standard: ['>=', 1000] },
  wasm: { lite: ['>=', 1000], standard: ['>=', 400] },
};

export async function run(results, { smoke }) {
  const seeds = smoke ? { lite: 2 } : { lite: 300, standard: 12 };
  for (const [profile, count] of Object.entries(seeds)) {
    progress(`simulator: ${count} ${profile} seeds`);
    const runs = { native: await native(profile, count), wasm: inWebAssembly(profile, count) };
    mustAgree(`simulator, ${profile}`, { native: runs.native.traces.join(), wasm: runs.wasm.traces.join() });
    for (const [name, { simulated_s, cpu_s }] of Object.entries(runs)) {
      const isLite = profile === 'lite';
      results.add({
        case: `${count} ${profile} seeds`,
        metric: name,
        value: isLite ? (count * 60) / cpu_s : simulated_s / cpu_s,
        unit: isLite ? 'seeds a CPU minute' : 'simulated s a CPU s',
        bar: kBars[name][profile],
      });
    }
  }
}

async function native(profile, count) {
  const traces = [];
  const words = ['--seeds', `1..${count}`, '--profile', profile, '--failures', count, '--each'];
  const { simulated_s, cpu_s } = await simulate(kPrograms.probed, words, (event) => {
    if (event.event === 'run') traces.push(event.trace);
  });
  return { simulated_s, cpu_s, traces };
}

function inWebAssembly(profile, count) {
  const simulator = new WasmSimulator();
  simulator.run(1, profile); // Compiled at its first run, as in a page that is open for a while.
  const traces = [];
  let simulated_s = 0;
  const before = process.cpuUsage().user;
  for (let seed = 1; seed <= count; seed++) {
    const outcome = simulator.run(seed, profile);
    traces.push(outcome.trace);
    simulated_s += outcome.simulated_ms / 1000;
  }
  return { simulated_s, cpu_s: (process.cpuUsage().user - before) / 1e6, traces };
}
