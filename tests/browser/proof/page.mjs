// The page of the convergence proof: one client whose storage survives reloads.

import { TopGunClient } from 'topgun';

import { Editor } from './editor.mjs';
import { TabWriter } from './tabs.mjs';

/** Called by the test in every page it loads. Resolves when the stored records are there. */
globalThis.open = async ({ serverUrl, replica, issued, acknowledged, online, options }) => {
  const client = new TopGunClient({ serverUrl, ...options });
  if (!online) client.goOffline();
  globalThis.editor = new Editor(client, replica, { issued, acknowledged });
  await client.start();
};

/** As `open`, for a tab that shares its storage with others. */
globalThis.openTab = async ({ serverUrl, name, online = true }) => {
  const client = new TopGunClient({ serverUrl });
  if (!online) client.goOffline();
  globalThis.failures = [];
  client.on('error', (error) => failures.push(String(error)));
  client.on('rejected', ({ key, error }) => failures.push(`${key}: ${error}`));
  globalThis.tab = new TabWriter(client, name);
  await client.start();
};
