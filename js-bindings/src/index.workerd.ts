import type { TopGunClientOptions } from './client/options.js';
import { edgePlatform } from './platform/edge.js';
import { QueryClient } from './query/client.js';
import module from './topgun-queries.wasm';

export * from './index.js';

export class TopGunClient extends QueryClient {
  constructor(options: TopGunClientOptions = {}) {
    super(options, edgePlatform('topgun-queries', module));
  }
}
