// usage: run_workerd.mjs <fixture> <server URL> <options as JSON>

import { bundleWorker, startWorker } from '../lib/workerd.mjs';

const [app, server, options] = process.argv.slice(2);
const worker = await startWorker(app, await bundleWorker(`${app}/conformance/runtimes/worker.mjs`));
try {
  const query = new URLSearchParams({ server, options });
  console.log(await (await worker.dispatchFetch(`http://worker/?${query}`)).text());
} finally {
  await worker.dispose();
}
