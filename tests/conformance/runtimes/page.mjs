import { TopGunClient, memoryStorage } from 'topgun';

import { runConformance } from '../suite.mjs';

globalThis.conformance = (serverUrl, options) =>
  runConformance({ TopGunClient, memoryStorage }, serverUrl, options);
