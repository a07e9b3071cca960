// The page of the convergence proof: one client whose storage survives reloads.

import { TopGunClient } from 'topgun';

import { Editor } from './editor.mjs';

/** Called by the test in every page it loads. Resolves when the stored records are there. */
globalThis.open = async ({ serverUrl, replica, issued, acknowledged, online }) => {
  const client = new TopGunClient({ serverUrl });
  if (!online) client.goOffline();
  globalThis.editor = new Editor(client, replica, { issued, acknowledged });
  await client.start();
};
