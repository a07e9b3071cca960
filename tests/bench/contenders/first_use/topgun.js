import { TopGunClient, memoryStorage } from 'topgun/base';

/** The first operation of a client without a server or a store, like the contenders beside it. */
export async function firstUse() {
  const client = new TopGunClient({ storage: memoryStorage() });
  await client.start();
  const map = client.getMap('map');
  map.set('key', { text: 'value' });
  const { text } = map.get('key');
  if (client.pendingOps !== 1) throw new Error('the write was not taken');
  await client.close();
  return text;
}
