// Bundles the todo app into one folder of static files.

import { copyFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { addServiceWorker, bundle, emptyFolder } from '../bundle.mjs';

const source = fileURLToPath(new URL('.', import.meta.url));

/** Writes the app to `outDir`, which is emptied first. Resolves to the names of the files. */
export async function buildTodo(outDir) {
  await emptyFolder(outDir);
  const entries = await bundle({
    entryPoints: { app: join(source, 'src/main.ts'), style: join(source, 'style.css') },
    outDir,
  });
  const script = entries.find((name) => name.endsWith('.js'));
  const style = entries.find((name) => name.endsWith('.css'));

  const page = await readFile(join(source, 'index.html'), 'utf8');
  await writeFile(
    join(outDir, 'index.html'),
    page.replace('{{script}}', script).replace('{{style}}', style),
  );
  for (const name of ['icon.svg', 'manifest.webmanifest']) {
    await copyFile(join(source, name), join(outDir, name));
  }
  // esbuild leaves `new URL('./topgun-queries.wasm', import.meta.url)` as it is and copies nothing.
  const wasm = fileURLToPath(import.meta.resolve('topgun/topgun-queries.wasm'));
  await copyFile(wasm, join(outDir, 'topgun-queries.wasm'));
  return addServiceWorker(outDir, 'todo');
}
