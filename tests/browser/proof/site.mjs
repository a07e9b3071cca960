// Serves the page of the proof from this process, so that it can be reloaded while the server under
// test is down.

import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { build } from 'esbuild';

import { fromRoot } from '../../support/paths.mjs';
import { serveFolder } from '../../support/static_site.mjs';

const PAGE = '<!doctype html><title>proof</title><script type="module" src="page.js"></script>';

/** Resolves to the address of the page; the site closes after the test `t`. */
export async function serveProofPage(t) {
  const folder = fromRoot('build/proof');
  await mkdir(folder, { recursive: true });
  await build({
    entryPoints: [fromRoot('tests/browser/proof/page.mjs')],
    bundle: true,
    format: 'esm',
    outfile: join(folder, 'page.js'),
    conditions: ['browser'],
    // The package's chunks have no side effects, so dropping an import of one loses nothing.
    logOverride: { 'ignored-bare-import': 'silent' },
  });
  await copyFile(fileURLToPath(import.meta.resolve('topgun/topgun-queries.wasm')), join(folder, 'topgun-queries.wasm'));
  await writeFile(join(folder, 'index.html'), PAGE);
  return serveFolder(t, folder);
}
