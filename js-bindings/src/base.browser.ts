import { BaseClient } from './client/client.js';
import type { TopGunClientOptions } from './client/options.js';
import { browserPlatform } from './platform/browser.js';

export * from './base.js';

export class TopGunClient extends BaseClient {
  constructor(options: TopGunClientOptions = {}) {
    super(options, browserPlatform('topgun', () => new URL('./topgun.wasm', import.meta.url)));
  }
}
