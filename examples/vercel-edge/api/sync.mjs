// Passes /api/sync on to the origin: browsers sync with `serverUrl: 'https://…/api/sync'`.

import { syncRelay } from 'topgun/edge';

export const config = { runtime: 'edge' };

export default function handler(request) {
  return syncRelay(request, { origin: process.env.ORIGIN });
}
