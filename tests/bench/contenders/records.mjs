// The records of merge and reconcile, as tests/bench/operations/operations.cpp makes them.

export const keyOf = (index) => `key:${index}`;

export const textOf = (generation, index) => `${generation}:${index}:`.padEnd(64, '.');

/** The indices that `Operations::diverge` overwrites on replica 0 or 1. */
export function* divergedIndices(records, count, replica) {
  const step = 2 * Math.max(Math.floor(records / Math.max(count, 1)), 1);
  for (let index = replica * (step / 2); index < records; index += step) yield index;
}
