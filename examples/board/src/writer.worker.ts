// Another client, in a thread of its own: it has its own replica, and meets the page only through the
// server. It writes from its first message until it is terminated, and posts how much it has written.

import { TopGunClient, memoryStorage } from 'topgun/base';

import { MAP_NAME, type Parcel } from './parcels.js';
import { keepWriting } from './writing.js';

export interface WriterOptions {
  readonly serverUrl: string;
  readonly perSecond: number;
}

self.onmessage = async ({ data }: MessageEvent<WriterOptions>): Promise<void> => {
  const { serverUrl, perSecond } = data;
  const client = new TopGunClient({ serverUrl, storage: memoryStorage() });
  const map = client.getMap<Parcel>(MAP_NAME);
  const synced = new Promise((resolve) => client.on('synced', resolve));
  await client.start();
  await synced;
  self.postMessage('writing');
  keepWriting(map, { perSecond });
};
