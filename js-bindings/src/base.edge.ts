import { BaseClient } from './client/client.js';
import type { TopGunClientOptions } from './client/options.js';
import { edgePlatform } from './platform/edge.js';
import module from './topgun.wasm?module';

export * from './base.js';

export class TopGunClient extends BaseClient {
  constructor(options: TopGunClientOptions = {}) {
    super(options, edgePlatform('topgun', module));
  }
}
