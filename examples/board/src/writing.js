// Fills the board and keeps it moving, in the page, in its worker and in Node.

import { PARCELS, advance, draws, keyOf, parcelAt } from './parcels.js';

/** @typedef {import('topgun').LwwMap<import('./parcels.js').Parcel>} ParcelMap */

const FILL_STEP = 2_000;
const TICK_MS = 20;

/**
 * Adds the parcels that are missing, in steps between which others may run.
 * @param {ParcelMap} map
 * @param {(done: number) => void} [progress]
 */
export async function fill(map, progress = () => {}) {
  const now = Date.now();
  for (let start = 0; start < PARCELS; start += FILL_STEP) {
    for (let index = start; index < start + FILL_STEP; index++) {
      if (!map.has(keyOf(index))) map.set(keyOf(index), parcelAt(index, now));
    }
    progress(start + FILL_STEP);
    await new Promise((resolve) => setTimeout(resolve));
  }
}

/**
 * Changes parcels at a steady rate; some far more often than others, as it is with parcels.
 * @param {ParcelMap} map
 * @param {{perSecond: number, written?: (count: number) => void}} options
 * @returns {() => void} ends it
 */
export function keepWriting(map, { perSecond, written = () => {} }) {
  const random = draws(Date.now());
  const started = performance.now();
  let count = 0;
  const timer = setInterval(() => {
    const due = Math.floor(((performance.now() - started) / 1000) * perSecond);
    // After a pause of the machine, go on at the rate instead of making up for it all at once.
    const batch = Math.min(due - count, perSecond / 4);
    const now = Date.now();
    for (let i = 0; i < batch; i++) {
      const key = keyOf(Math.floor(PARCELS * random() ** 2.5));
      const parcel = map.get(key);
      if (parcel !== undefined) map.set(key, advance(parcel, random, now));
    }
    count = due;
    written(batch);
  }, TICK_MS);
  return () => clearInterval(timer);
}
