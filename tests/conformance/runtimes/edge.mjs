import { TopGunClient, memoryStorage } from 'topgun';

import { runConformance } from '../suite.mjs';

async function answer(request) {
  const { searchParams } = new URL(request.url);
  const options = JSON.parse(searchParams.get('options'));
  const results = await runConformance({ TopGunClient, memoryStorage }, searchParams.get('server'), options);
  return new Response(JSON.stringify(results));
}

addEventListener('fetch', (event) => event.respondWith(answer(event.request)));
