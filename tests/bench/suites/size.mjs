// What a browser downloads, and how much the stored form of a client grows.

import { memoryStorage, TopGunClient } from 'topgun/base';
import { measureFirstLoad } from '../../packaging/first_load.mjs';
import { progress } from '../lib/results.mjs';

export async function run(results, { smoke }) {
  progress('size: first load');
  for (const { case: name, metric, value, bar } of await measureFirstLoad()) {
    results.add({ case: name, metric, value, unit: 'B', ...(bar && { bar: ['<=', bar] }) });
  }
  await storedGrowth(results, { smoke });
}

/** Overwrites the same keys over and over, offline, and looks at the rows in the store. */
async function storedGrowth(results, { smoke }) {
  progress('size: stored growth');
  const keys = smoke ? 10 : 1000;
  const overwrites = smoke ? 1000 : 1_000_000;
  const storage = memoryStorage();
  const client = new TopGunClient({ storage });
  await client.start();
  const map = client.getMap('map');
  const write = async (round) => {
    for (let key = 0; key < keys; key++) map.set(`key:${key}`, { round, text: `record ${key}` });
    await client.flush();
  };
  await write(0);
  const before = await storedBytes(storage);
  for (let round = 1; round <= overwrites / keys; round++) await write(round);
  const after = await storedBytes(storage);
  await client.close();

  // Growth counts only if nothing was lost over it.
  const again = new TopGunClient({ storage });
  await again.start();
  const reread = again.getMap('map');
  for (let key = 0; key < keys; key++) {
    if (reread.get(`key:${key}`)?.round !== overwrites / keys) throw new Error(`key:${key} is not what was written`);
  }
  await again.close();

  results.add({
    case: `${overwrites} overwrites of ${keys} keys, offline`,
    metric: 'growth of the stored form',
    value: (after - before) / 1024,
    unit: 'KiB',
    bar: ['<=', 128],
  });
}

async function storedBytes(storage) {
  const rows = await storage.load();
  return rows.reduce((sum, { key, value }) => sum + key.length + value.length, 0);
}
