// The data of the board: parcels on their way between cities, and what can happen to them. Plain
// JavaScript, so that the page, its worker and `writer.mjs` in Node share it.

/** The map of the parcels, by their numbers. */
export const MAP_NAME = 'board-parcels';

export const PARCELS = 50_000;

/** What a parcel goes through, in this order; a delay may come in between. */
export const Stage = { booked: 0, collected: 1, inTransit: 2, atCustoms: 3, outForDelivery: 4, delivered: 5, delayed: 6 };

/** The stages as people call them. */
export const STAGES = ['Booked', 'Collected', 'In transit', 'At customs', 'Out for delivery', 'Delivered', 'Delayed'];

export const CARRIERS = ['Albatross', 'Crane', 'Heron', 'Kestrel', 'Pelican', 'Puffin', 'Swift', 'Tern'];

export const CITIES = [
  'Amsterdam', 'Athens', 'Barcelona', 'Bergen', 'Berlin', 'Bilbao', 'Bologna', 'Bratislava', 'Brussels', 'Bucharest',
  'Budapest', 'Copenhagen', 'Cork', 'Dublin', 'Edinburgh', 'Gdańsk', 'Geneva', 'Ghent', 'Gothenburg', 'Graz',
  'Hamburg', 'Helsinki', 'Kraków', 'Lisbon', 'Ljubljana', 'Lyon', 'Madrid', 'Marseille', 'Milan', 'Munich',
  'Naples', 'Oslo', 'Paris', 'Porto', 'Prague', 'Reykjavík', 'Riga', 'Rome', 'Rotterdam', 'Sofia',
  'Stockholm', 'Tallinn', 'Turin', 'Valencia', 'Vienna', 'Vilnius', 'Warsaw', 'Zagreb', 'Zürich', 'Århus',
];

/**
 * @typedef {object} Parcel
 * @property {string} from
 * @property {string} to
 * @property {string} carrier
 * @property {number} stage index in {@link STAGES}
 * @property {number} progress of the way, in percent
 * @property {boolean} express
 * @property {number} value in euros
 * @property {number} due milliseconds since 1970
 * @property {number} changed milliseconds since 1970
 */

const HOUR_MS = 3_600_000;

/** Draws from a seed (mulberry32), so that whoever fills the board fills it alike. @param {number} seed */
export function draws(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** @param {() => number} random @param {number} below */
const below = (random, below) => Math.floor(random() * below);

/** The number of parcel `index`. @param {number} index */
export const keyOf = (index) => `P-${String(index + 1).padStart(5, '0')}`;

/**
 * A parcel that was just booked.
 * @param {() => number} random
 * @param {number} now
 * @returns {Parcel}
 */
function booked(random, now) {
  const from = below(random, CITIES.length);
  const to = (from + 1 + below(random, CITIES.length - 1)) % CITIES.length;
  return {
    from: /** @type {string} */ (CITIES[from]),
    to: /** @type {string} */ (CITIES[to]),
    carrier: /** @type {string} */ (CARRIERS[below(random, CARRIERS.length)]),
    stage: Stage.booked,
    progress: 0,
    express: random() < 0.15,
    value: 5 + Math.floor(4_000 * random() ** 4),
    due: now + (6 + below(random, 90)) * HOUR_MS,
    changed: now,
  };
}

/** The stage that belongs to a part of the way. @param {number} progress */
function stageAt(progress) {
  if (progress >= 100) return Stage.delivered;
  if (progress >= 80) return Stage.outForDelivery;
  if (progress >= 25) return Stage.inTransit;
  return progress >= 10 ? Stage.collected : Stage.booked;
}

/**
 * What parcel `index` is when the board is filled.
 * @param {number} index
 * @param {number} now
 * @returns {Parcel}
 */
export function parcelAt(index, now) {
  const random = draws(index * 2_654_435_761);
  const parcel = booked(random, now);
  const progress = below(random, 101);
  const odd = random();
  const stage = odd < 0.04 ? Stage.delayed : odd < 0.1 && progress > 25 ? Stage.atCustoms : stageAt(progress);
  const due = parcel.due - Math.floor(progress * 0.6) * HOUR_MS;
  return { ...parcel, progress, stage, due };
}

/**
 * What happens to a parcel next.
 * @param {Parcel} parcel
 * @param {() => number} random
 * @param {number} now
 * @returns {Parcel}
 */
export function advance(parcel, random, now) {
  if (parcel.stage === Stage.delivered) return booked(random, now);
  const odd = random();
  if (odd < 0.02) return { ...parcel, stage: Stage.delayed, due: parcel.due + 8 * HOUR_MS, changed: now };
  if (odd < 0.06 && parcel.stage === Stage.inTransit) return { ...parcel, stage: Stage.atCustoms, changed: now };
  const progress = Math.min(100, parcel.progress + 1 + below(random, 9));
  return { ...parcel, progress, stage: stageAt(progress), changed: now };
}

/**
 * The stage after this one, for people who move a parcel by hand.
 * @param {Parcel} parcel
 * @param {number} now
 * @returns {Parcel}
 */
export function nextStage(parcel, now) {
  const stage = parcel.stage >= Stage.delivered ? Stage.booked : parcel.stage + 1;
  const progress = [0, 10, 25, 60, 80, 100][stage] ?? 0;
  return { ...parcel, stage, progress, changed: now };
}
