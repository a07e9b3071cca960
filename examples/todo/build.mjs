// Bundles the todo app into one folder of static files.

import { createHash } from 'node:crypto';
import { copyFile, mkdir, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { build } from 'esbuild';

const source = fileURLToPath(new URL('.', import.meta.url));

/** Writes the app to `outDir`, which is emptied first. Resolves to the names of the files. */
export async function buildTodo(outDir) {
  await rm(outDir, { recursive: true, force: true });
  await mkdir(outDir, { recursive: true });

  const entries = await bundle({
    entryPoints: { app: join(source, 'src/main.ts'), style: join(source, 'style.css') },
    entryNames: '[name]-[hash]',
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
  // esbuild leaves `new URL('./topgun.wasm', import.meta.url)` as it is and copies nothing.
  const wasm = fileURLToPath(import.meta.resolve('topgun/topgun.wasm'));
  await copyFile(wasm, join(outDir, 'topgun.wasm'));

  // The worker comes last: it names every file of the shell and a digest over them, so that a
  // change of any of them is a new worker.
  const files = (await readdir(outDir)).sort();
  await bundle({
    entryPoints: { 'service-worker': join(source, 'src/service-worker.ts') },
    entryNames: '[name]',
    outDir,
    define: {
      SHELL_FILES: JSON.stringify(files),
      SHELL_VERSION: JSON.stringify(await digest(outDir, files)),
    },
  });
  return [...files, 'service-worker.js'];
}

async function bundle({ entryPoints, entryNames, outDir, define = {} }) {
  const result = await build({
    entryPoints,
    entryNames,
    outdir: outDir,
    define,
    bundle: true,
    minify: true,
    format: 'esm',
    target: 'es2022',
    conditions: ['browser'],
    metafile: true,
    logLevel: 'warning',
    // The package's chunks have no side effects, so dropping an import of one loses nothing.
    logOverride: { 'ignored-bare-import': 'silent' },
  });
  return Object.keys(result.metafile.outputs).map((path) => basename(path));
}

async function digest(folder, files) {
  const hash = createHash('sha256');
  for (const name of files) hash.update(name).update(await readFile(join(folder, name)));
  return hash.digest('hex').slice(0, 16);
}
