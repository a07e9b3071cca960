// Bundles the simulator's page into one folder of static files.

import { copyFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { addServiceWorker, bundle, emptyFolder } from '../bundle.mjs';

const source = fileURLToPath(new URL('.', import.meta.url));
const kWasmFile = 'topgun-sim.wasm';

/**
 * Writes the page to `outDir`, which is emptied first. Resolves to the names of the files.
 * @param {string} outDir
 * @param {{wasm: string, hashes: Record<string, string[]>}} parts the simulator, and the traces of
 *   native runs by profile, from seed 1 on
 */
export async function buildSimulatorPage(outDir, { wasm, hashes }) {
  await emptyFolder(outDir);
  await copyFile(wasm, join(outDir, kWasmFile));
  await writeFile(join(outDir, 'hashes.json'), JSON.stringify(hashes));
  await copyFile(join(source, 'icon.svg'), join(outDir, 'icon.svg'));
  const [worker] = await bundle({
    entryPoints: { worker: join(source, 'src/worker.ts') },
    outDir,
    define: { WASM_FILE: JSON.stringify(kWasmFile) },
  });
  const entries = await bundle({
    entryPoints: { app: join(source, 'src/main.ts'), style: join(source, 'style.css') },
    outDir,
    define: { WORKER_FILE: JSON.stringify(worker) },
  });
  const page = await readFile(join(source, 'index.html'), 'utf8');
  await writeFile(
    join(outDir, 'index.html'),
    page
      .replace('{{script}}', entries.find((name) => name.endsWith('.js')))
      .replace('{{style}}', entries.find((name) => name.endsWith('.css'))),
  );
  return addServiceWorker(outDir, 'simulator');
}
