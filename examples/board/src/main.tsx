import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { TopGunClient } from 'topgun';
import { TopGunProvider } from 'topgun/react';
import { indexedDbStorage } from 'topgun/storage/indexeddb';

import { App } from './app.js';
import { MAP_NAME } from './parcels.js';

const client = new TopGunClient({ serverUrl: location.origin, storage: indexedDbStorage({ name: 'board' }) });
// Opened before the start, so that the parcels are there when it is done.
client.getMap(MAP_NAME);

createRoot(document.body).render(
  <StrictMode>
    <TopGunProvider client={client}>
      <App />
    </TopGunProvider>
  </StrictMode>,
);

client.start().catch((error: unknown) => {
  document.body.textContent = `This page could not start. ${String(error)}`;
});
if ('serviceWorker' in navigator) void navigator.serviceWorker.register('service-worker.js');
