// Bundles the board into one folder of static files.

import { copyFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { addServiceWorker, bundle, emptyFolder } from '../bundle.mjs';

const source = fileURLToPath(new URL('.', import.meta.url));

/** Writes the page to `outDir`, which is emptied first. Resolves to the names of the files. */
export async function buildBoard(outDir) {
  await emptyFolder(outDir);
  const [worker] = await bundle({ entryPoints: { writer: join(source, 'src/writer.worker.ts') }, outDir });
  const entries = await bundle({
    entryPoints: { app: join(source, 'src/main.tsx'), style: join(source, 'style.css') },
    outDir,
    define: { 'process.env.NODE_ENV': '"production"', WORKER_FILE: JSON.stringify(worker) },
  });
  const page = await readFile(join(source, 'index.html'), 'utf8');
  await writeFile(
    join(outDir, 'index.html'),
    page
      .replace('{{script}}', entries.find((name) => name.endsWith('.js')))
      .replace('{{style}}', entries.find((name) => name.endsWith('.css'))),
  );
  for (const name of ['icon.svg', 'manifest.webmanifest']) await copyFile(join(source, name), join(outDir, name));
  // esbuild leaves `new URL('./topgun.wasm', import.meta.url)` as it is and copies nothing. The page asks
  // queries; the client in the worker does not.
  for (const name of ['topgun-queries.wasm', 'topgun.wasm']) {
    await copyFile(fileURLToPath(import.meta.resolve(`topgun/${name}`)), join(outDir, name));
  }
  return addServiceWorker(outDir, 'board');
}
