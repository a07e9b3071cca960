import { TopGunClient, memoryStorage } from 'topgun';

import { runConformance } from '../suite.mjs';

export default {
  async fetch(request) {
    const { searchParams } = new URL(request.url);
    const options = JSON.parse(searchParams.get('options'));
    const results = await runConformance({ TopGunClient, memoryStorage }, searchParams.get('server'), options);
    return Response.json(results);
  },
};
