// Measuring in pairs: contenders take turns, so that whatever else the machine does meets all of
// them alike, and what is compared is the median of each.

export function median(numbers) {
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** Milliseconds that `body` takes. */
export async function time_ms(body) {
  const begin = performance.now();
  await body();
  return performance.now() - begin;
}

/**
 * Runs each contender once a round, in turns, `rounds` times after one round that is not counted.
 * @param {number} rounds
 * @param {Record<string, (round: number) => Promise<number> | number>} contenders name to a function
 *   that does its work and returns what it measured; the rounds given to it are counted from 0
 * @returns {Promise<Record<string, number>>} the median of each
 */
export async function interleave(rounds, contenders) {
  const results = Object.fromEntries(Object.keys(contenders).map((name) => [name, []]));
  const names = Object.keys(contenders);
  for (let round = 0; round <= rounds; round++) {
    // Every other round in the opposite order, so that none always follows the same one.
    const order = round % 2 === 0 ? names : [...names].reverse();
    for (const name of order) {
      const measured = await contenders[name](round);
      if (round > 0) results[name].push(measured);
    }
  }
  return Object.fromEntries(names.map((name) => [name, median(results[name])]));
}

/** Throws unless all results are the same: contenders that disagree did not do the same work. */
export function mustAgree(what, results) {
  const [first, ...others] = Object.values(results);
  if (others.every((other) => other === first)) return;
  throw new Error(`${what}: the contenders disagree: ${JSON.stringify(results)}`);
}

/** FNV-1a, 32 bits, over the UTF-8 bytes of `text`, or bytes as they are. */
export function fnv1a(input, hash = 2166136261) {
  const bytes = typeof input === 'string' ? encoder.encode(input) : input;
  for (let i = 0; i < bytes.length; i++) hash = Math.imul(hash ^ bytes[i], 16777619);
  return hash >>> 0;
}
const encoder = new TextEncoder();

/** The digest that `Operations::digest` computes, of entries [key, text]. */
export function digestOf(entries) {
  let sum = 0;
  for (const [key, text] of entries) sum = (sum + fnv1a(text, fnv1a(key))) >>> 0;
  return sum;
}
