// What native runs of the first seeds come to, for those who compare.

import { kPrograms, simulate } from './process.mjs';

/** So many seeds of each profile are worth the time that they take in every build. */
export const kTracedSeeds = { lite: 200, standard: 3 };

/** The trace of seeds 1 to `count`, in order. */
export async function tracesOf(program, profile, count) {
  const traces = [];
  const words = ['--seeds', `1..${count}`, '--profile', profile, '--failures', count, '--each'];
  await simulate(program, words, (event) => {
    if (event.event === 'run') traces.push(event.trace);
  });
  if (traces.length !== count) throw new Error(`${traces.length} traces instead of ${count}`);
  return traces;
}

/** The traces of the native build, by profile. */
export async function nativeTraces(seeds = kTracedSeeds) {
  const all = {};
  for (const [profile, count] of Object.entries(seeds)) all[profile] = await tracesOf(kPrograms.plain, profile, count);
  return all;
}
