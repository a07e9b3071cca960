import type { TopGunClientOptions } from './client/options.js';
import { nodePlatform } from './platform/node.js';
import { QueryClient } from './query/client.js';

export * from './index.js';

export class TopGunClient extends QueryClient {
  constructor(options: TopGunClientOptions = {}) {
    super(options, nodePlatform('topgun-queries', import.meta.url));
  }
}
