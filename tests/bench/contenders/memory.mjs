// usage: node --expose-gc memory.mjs topgun|yjs <records>
// Prints the bytes by which this process grows when a map takes that many small records.

import { contenders } from './maps.mjs';

const [name, count] = process.argv.slice(2);

async function settledRss() {
  // Twice, with a turn in between: what finalizers let go is collected the second time.
  for (let i = 0; i < 2; i++) {
    globalThis.gc();
    await new Promise((resolve) => setImmediate(resolve));
  }
  return process.memoryUsage.rss();
}

const map = await contenders[name]();
map.set('warm', { n: -1, text: 'warm' });
await map.stored();
const before = await settledRss();
for (let i = 0; i < Number(count); i++) map.set(`key:${i}`, { n: i, text: `record ${i}` });
await map.stored();
const after = await settledRss();
if ([...map.entries()].length !== Number(count) + 1) throw new Error('records are missing');
console.log(after - before);
await map.close();
