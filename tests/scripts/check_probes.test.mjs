import assert from 'node:assert/strict';
import { test } from 'node:test';

import { probeSymbols } from '../../scripts/check-probes.mjs';

test('probes: symbols of marks and planted bugs are found, others are not', () => {
  const output = `merge.cpp.o:
0000000000000000 T topgun::merge_lww(topgun::Record const&, topgun::Record const&)
                 U topgun::probe::state()
0000000000000010 r topgun::sim::kMutants
0000000000000020 T topgun::probe_length(unsigned long)
`;
  assert.deepEqual(probeSymbols(output), ['U topgun::probe::state()', '0000000000000010 r topgun::sim::kMutants']);
});
