// What the builds of the examples have in common: bundling with esbuild, and a shell that opens offline.

import { createHash } from 'node:crypto';
import { mkdir, readFile, readdir, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { build } from 'esbuild';

const kServiceWorker = fileURLToPath(new URL('todo/src/service-worker.ts', import.meta.url));

/** Makes the folder, or empties it. */
export async function emptyFolder(outDir) {
  await rm(outDir, { recursive: true, force: true });
  await mkdir(outDir, { recursive: true });
}

/** Bundles for browsers. Resolves to the names of the files. */
export async function bundle({ entryPoints, entryNames = '[name]-[hash]', outDir, define = {} }) {
  const result = await build({
    entryPoints,
    entryNames,
    outdir: outDir,
    define,
    bundle: true,
    minify: true,
    format: 'esm',
    jsx: 'automatic',
    target: 'es2022',
    conditions: ['browser'],
    metafile: true,
    logLevel: 'warning',
    // The package's chunks have no side effects, so dropping an import of one loses nothing.
    logOverride: { 'ignored-bare-import': 'silent' },
  });
  return Object.keys(result.metafile.outputs).map((path) => basename(path));
}

/**
 * Adds the service worker, which comes last: it names every file of the shell and a digest over them,
 * so that a change of any of them is a new worker. Resolves to the names of all files.
 */
export async function addServiceWorker(outDir, name) {
  const files = (await readdir(outDir)).sort();
  await bundle({
    entryPoints: { 'service-worker': kServiceWorker },
    entryNames: '[name]',
    outDir,
    define: {
      SHELL_NAME: JSON.stringify(name),
      SHELL_FILES: JSON.stringify(files),
      SHELL_VERSION: JSON.stringify(await digest(outDir, files)),
    },
  });
  return [...files, 'service-worker.js'];
}

async function digest(folder, files) {
  const hash = createHash('sha256');
  for (const name of files) hash.update(name).update(await readFile(join(folder, name)));
  return hash.digest('hex').slice(0, 16);
}
