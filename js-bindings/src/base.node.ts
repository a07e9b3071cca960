import { BaseClient } from './client/client.js';
import type { TopGunClientOptions } from './client/options.js';
import { nodePlatform } from './platform/node.js';

export * from './base.js';

export class TopGunClient extends BaseClient {
  constructor(options: TopGunClientOptions = {}) {
    super(options, nodePlatform('topgun', import.meta.url));
  }
}
