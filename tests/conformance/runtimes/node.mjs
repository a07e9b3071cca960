// usage: node.mjs <server URL> <options as JSON>     TOPGUN_CORE says which core

import { TopGunClient, memoryStorage } from 'topgun';

import { runConformance } from '../suite.mjs';

const [serverUrl, options] = process.argv.slice(2);
const results = await runConformance({ TopGunClient, memoryStorage }, serverUrl, JSON.parse(options));
console.log(JSON.stringify(results));
