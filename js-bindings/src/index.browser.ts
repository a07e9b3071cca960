import type { TopGunClientOptions } from './client/options.js';
import { browserPlatform } from './platform/browser.js';
import { QueryClient } from './query/client.js';

export * from './index.js';

export class TopGunClient extends QueryClient {
  constructor(options: TopGunClientOptions = {}) {
    super(options, browserPlatform('topgun-queries', () => new URL('./topgun-queries.wasm', import.meta.url)));
  }
}
