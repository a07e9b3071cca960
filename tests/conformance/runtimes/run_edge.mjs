// usage: run_edge.mjs <fixture> <server URL> <options as JSON>

import { startEdge } from '../lib/edge.mjs';

const [app, server, options] = process.argv.slice(2);
const runtime = await startEdge(app, `${app}/conformance/runtimes/edge.mjs`);
const query = new URLSearchParams({ server, options });
console.log(await (await runtime.dispatchFetch(`http://edge/?${query}`)).text());
process.exit(0);
