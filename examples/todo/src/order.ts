// Positions in the list as text: between any two positions there is always another one, so moving
// a todo writes one record and never renumbers its neighbours ("fractional indexing").

const DIGITS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const BASE = DIGITS.length;

/** The leading digits, which count: fourteen million todos may be added at either end. */
const HEAD_DIGITS = 4;
const HEADS = BASE ** HEAD_DIGITS;

/** Digits that keep two replicas from choosing the same position while they are apart. */
const JITTER_DIGITS = 3;

/**
 * A position after `before` and before `after`; an open end is undefined. Positions compare as
 * plain strings. Ends that do not leave room (two replicas chose alike) give one after `before`.
 */
export function positionBetween(before: string | undefined, after: string | undefined): string {
  const low = before ?? '';
  const high = after !== undefined && after > low ? after : undefined;
  return (stepOut(before, after) ?? midpoint(low, high)) + jitter();
}

/**
 * At an open end there is no need to halve what is left, which would make positions longer and
 * longer: the head counts one up or down. Undefined between two positions and where the count ends.
 */
function stepOut(before: string | undefined, after: string | undefined): string | undefined {
  if (before !== undefined && after !== undefined) return undefined;
  const count = before !== undefined ? headOf(before) + 1 : after !== undefined ? headOf(after) - 1 : HEADS / 2;
  if (count < 0 || count >= HEADS) return undefined;
  let head = '';
  for (let rest = count; head.length < HEAD_DIGITS; rest = Math.floor(rest / BASE)) {
    head = DIGITS[rest % BASE] + head;
  }
  return head;
}

function headOf(position: string): number {
  let count = 0;
  for (let index = 0; index < HEAD_DIGITS; index++) count = count * BASE + digitAt(position, index);
  return count;
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
