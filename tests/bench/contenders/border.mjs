// usage: node border.mjs topgun|yjs|plain <sets> <gets>
// Prints {set_ns, get_ns, digest}: what a `set` and a `get` of objects with six fields cost. In a
// process of its own, so that the compiler sees one kind of map, as in an application.

import { fnv1a, median, time_ms } from '../lib/measure.mjs';
import { contenders, recordOf } from './maps.mjs';

const kRounds = 5;

const [name, sets, gets] = process.argv.slice(2);
const keys = Array.from({ length: 1000 }, (_, i) => `key:${i}`);
const records = keys.map((_, i) => recordOf(i));
const { map, settle, stored, close } = await contenders[name]();

async function medianOf(calls, body) {
  const times = [];
  for (let round = 0; round <= kRounds; round++) {
    times.push(((await time_ms(body)) * 1e6) / calls);
    await stored();
  }
  return median(times.slice(1));
}

const set_ns = await medianOf(Number(sets), () => {
  for (let i = 0; i < sets; i++) map.set(keys[i % 1000], records[i % 1000]);
  settle();
});
let sum = 0;
const get_ns = await medianOf(Number(gets), () => {
  for (let i = 0; i < gets; i++) sum += map.get(keys[i % 1000]).priority;
});
if (sum !== gets * 2 * (kRounds + 1)) throw new Error('gets did not see what was set');

const entries = [...map.entries()].sort(([a], [b]) => (a < b ? -1 : 1));
console.log(JSON.stringify({ set_ns, get_ns, digest: fnv1a(JSON.stringify(entries)) }));
await close();
