// Positions in the list as text: between any two positions there is always another one, so moving
// a todo writes one record and never renumbers its neighbours ("fractional indexing").

const DIGITS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const BASE = DIGITS.length;

/** Digits that keep two replicas from choosing the same position while they are apart. */
const JITTER_DIGITS = 3;

/**
 * A position after `before` and before `after`; an open end is undefined. Positions compare as
 * plain strings. Ends that do not leave room (two replicas chose alike) give one after `before`.
 */
export function positionBetween(before: string | undefined, after: string | undefined): string {
  const low = before ?? '';
  const high = after !== undefined && after > low ? after : undefined;
  return midpoint(low, high) + jitter();
}

/** A text strictly between `low` and `high` that does not end in the lowest digit. */
function midpoint(low: string, high: string | undefined): string {
  let shared = '';
  for (let index = 0; ; index++) {
    const lowDigit = digitAt(low, index);
    const highDigit = high === undefined || index >= high.length ? BASE : digitAt(high, index);
    if (highDigit === lowDigit) {
      shared += DIGITS[lowDigit];
      continue;
    }
    if (highDigit - lowDigit > 1) return shared + DIGITS[(lowDigit + highDigit) >> 1];
    // Neighbouring digits leave no room here: stay on the low one, where every tail fits below high.
    shared += DIGITS[lowDigit];
    high = undefined;
  }
}

function digitAt(text: string, index: number): number {
  return index < text.length ? Math.max(0, DIGITS.indexOf(text[index]!)) : 0;
}

function jitter(): string {
  let text = '';
  for (let index = 0; index < JITTER_DIGITS; index++) {
    text += DIGITS[1 + Math.floor(Math.random() * (BASE - 1))];
  }
  return text;
}
