// usage: node examples/board/writer.mjs [--url URL] [--rate CHANGES_A_SECOND] [--seconds N]
//
// Another client of the board: fills it with 50,000 parcels if it is empty, then changes them at a
// steady rate (1,000 a second) until it is ended, or for so many seconds.

import { parseArgs } from 'node:util';

import { TopGunClient } from 'topgun';

import { MAP_NAME, PARCELS } from './src/parcels.js';
import { fill, keepWriting } from './src/writing.js';

const { values } = parseArgs({
  options: {
    url: { type: 'string', default: 'http://127.0.0.1:8080' },
    rate: { type: 'string', default: '1000' },
    seconds: { type: 'string' },
  },
});

const client = new TopGunClient({ serverUrl: values.url });
client.on('rejected', ({ key, error }) => console.error(`${key}: ${error.message}`));
const map = client.getMap(MAP_NAME);
const synced = new Promise((resolve) => client.on('synced', resolve));
await client.start();
console.log(`looking for a server at ${values.url}`);
await synced;
if (map.size < PARCELS) {
  console.log(`filling the board with ${PARCELS} parcels`);
  await fill(map);
  await client.flush({ level: 'memory' });
}

console.log(`changing ${values.rate} parcels a second`);
let written = 0;
const stop = keepWriting(map, { perSecond: Number(values.rate), written: (count) => (written += count) });
const report = setInterval(() => {
  console.log(`${Math.round(written)} a second, ${client.pendingOps} not acknowledged yet`);
  written = 0;
}, 1000);

async function end() {
  stop();
  clearInterval(report);
  await client.flush({ level: 'memory', timeoutMs: 5_000 });
  await client.close();
}
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, end);
if (values.seconds !== undefined) setTimeout(end, Number(values.seconds) * 1000);
