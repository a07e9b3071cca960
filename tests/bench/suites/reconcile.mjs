// Two replicas of 100,000 keys of which 100 differ come together: Merkle comparison against Yjs'
// state vectors (its best case: all it needs to know is who wrote how much) and Automerge's sync.

import { AutomergeOperations } from '../contenders/automerge.mjs';
import { NativeOperations, WasmOperations } from '../contenders/operations.mjs';
import { YjsOperations } from '../contenders/yjs.mjs';
import { interleave, median, mustAgree } from '../lib/measure.mjs';
import { progress } from '../lib/results.mjs';

export async function run(results, { smoke }) {
  const records = smoke ? 400 : 100_000;
  const differing = smoke ? 20 : 100;
  const contenders = {
    native: new NativeOperations(),
    wasm: new WasmOperations(),
    Yjs: new YjsOperations(),
    Automerge: new AutomergeOperations(),
  };
  const digests = {};
  for (const [name, contender] of Object.entries(contenders)) {
    progress(`reconcile: filling ${records} records, ${name}`);
    await contender.fill(records);
    await contender.diverge(1, differing);
    await contender.reconcile();
    for (const replica of [0, 1]) digests[`${name} ${replica}`] = (await contender.digest(replica)).result;
  }
  mustAgree('reconcile', digests);

  const exchanged = Object.fromEntries(Object.keys(contenders).map((name) => [name, []]));
  const round = (name) => async (index) => {
    const contender = contenders[name];
    await contender.diverge(index + 2, differing);
    const { ms, result } = await contender.reconcile();
    exchanged[name].push(result);
    return ms;
  };
  progress('reconcile: measuring');
  const times = await interleave(
    smoke ? 1 : 7,
    Object.fromEntries(Object.keys(contenders).map((name) => [name, round(name)])),
  );
  for (const contender of Object.values(contenders)) contender.close?.();

  const name = `reconcile ${records} keys, ${differing} differ`;
  const bars = { native: { Yjs: 5, Automerge: 200 }, wasm: { Yjs: 2, Automerge: 80 } };
  for (const [metric, baselines] of Object.entries(bars)) {
    for (const [baseline, bar] of Object.entries(baselines)) {
      results.add({
        case: name,
        metric: `${metric} against ${baseline}`,
        value: times[metric],
        unit: 'ms',
        baseline: { name: baseline, value: times[baseline] },
        ratio: times[baseline] / times[metric],
        bar: ['>=', bar],
      });
    }
  }
  const kib = (contender) => median(exchanged[contender]) / 1024;
  for (const [baseline, bar] of [['Yjs', ['<=', 16]], ['Automerge']]) {
    results.add({
      case: name,
      metric: `exchanged, both ways, beside ${baseline}`,
      value: kib('native'),
      unit: 'KiB',
      baseline: { name: baseline, value: kib(baseline) },
      bar,
    });
  }
}
