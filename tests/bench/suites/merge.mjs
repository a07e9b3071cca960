// Merging 100,000 remote LWW records into a map of the same keys, against Yjs applying the same
// writes as an update.

import { NativeOperations, WasmOperations } from '../contenders/operations.mjs';
import { YjsOperations } from '../contenders/yjs.mjs';
import { interleave, mustAgree } from '../lib/measure.mjs';
import { progress } from '../lib/results.mjs';

export async function run(results, { smoke }) {
  const records = smoke ? 500 : 100_000;
  const contenders = { native: new NativeOperations(), wasm: new WasmOperations(), Yjs: new YjsOperations() };
  progress(`merge: filling ${records} records`);
  const digests = {};
  for (const [name, contender] of Object.entries(contenders)) {
    await contender.fill(records);
    await contender.mergeUpdate(1);
    digests[name] = (await contender.digest(0)).result;
  }
  mustAgree('merge', digests);

  const times = await interleave(
    smoke ? 1 : 9,
    Object.fromEntries(
      Object.entries(contenders).map(([name, contender]) => [
        name,
        async (round) => {
          const { ms, result } = await contender.mergeUpdate(round + 2);
          if (result !== records) throw new Error(`${name} merged ${result} of ${records} records`);
          return ms;
        },
      ]),
    ),
  );
  for (const contender of Object.values(contenders)) contender.close?.();

  for (const [name, bar] of [['native', 20], ['wasm', 8]]) {
    results.add({
      case: `merge ${records} remote records over the same keys`,
      metric: name,
      value: times[name],
      unit: 'ms',
      baseline: { name: 'Yjs', value: times.Yjs },
      ratio: times.Yjs / times[name],
      bar: ['>=', bar],
    });
  }
}
