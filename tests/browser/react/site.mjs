// Bundles the page of the tests of the hooks with React in development, where it complains, and loads
// the same components here, as a server does.

import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

import { build } from 'esbuild';

import { fromRoot } from '../../support/paths.mjs';
import { serveFolder } from '../../support/static_site.mjs';

const PAGE = '<!doctype html><title>hooks</title><main></main><script type="module" src="page.js"></script>';
const folder = fromRoot('build/react-tests');

const common = {
  bundle: true,
  format: 'esm',
  jsx: 'automatic',
  define: { 'process.env.NODE_ENV': '"development"' },
  // The package's chunks have no side effects, so dropping an import of one loses nothing.
  logOverride: { 'ignored-bare-import': 'silent' },
};

/** Resolves to the address of the page; the site closes after the test `t`. */
export async function servePage(t) {
  await mkdir(folder, { recursive: true });
  const page = fromRoot('tests/browser/react/page.jsx');
  await build({ ...common, entryPoints: [page], outfile: join(folder, 'page.js'), conditions: ['browser'] });
  await copyFile(fileURLToPath(import.meta.resolve('topgun/topgun-queries.wasm')), join(folder, 'topgun-queries.wasm'));
  await writeFile(join(folder, 'index.html'), PAGE);
  return serveFolder(t, folder);
}

/** The components as a server imports them. */
export async function serverComponents() {
  const outfile = join(folder, 'components.mjs');
  const entry = fromRoot('tests/browser/react/components.jsx');
  await build({ ...common, entryPoints: [entry], outfile, platform: 'node', packages: 'external' });
  return import(pathToFileURL(outfile).href);
}
