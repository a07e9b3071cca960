// Builds the browser app of the fixture with each bundler, with no configuration beyond entry and
// output: what a newcomer would write.

import { execFile } from 'node:child_process';
import { copyFile, mkdir, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const PAGE = '<!doctype html><title>app</title><script type="module" src="main.js"></script>';

const bundlers = {
  async vite(app, outDir) {
    await run(join(app, 'node_modules/.bin/vite'), ['build', 'apps/vite', '--outDir', outDir], { cwd: app });
  },

  async webpack(app, outDir) {
    const webpack = createRequire(join(app, 'package.json'))('webpack');
    const stats = await promisify(webpack)({
      mode: 'production',
      context: app,
      entry: './apps/browser.mjs',
      output: { path: outDir, filename: 'main.js' },
    });
    if (stats.hasErrors()) throw new Error(stats.toString('errors-only'));
    await writeFile(join(outDir, 'index.html'), PAGE);
  },

  async esbuild(app, outDir) {
    await run(
      join(app, 'node_modules/.bin/esbuild'),
      ['apps/browser.mjs', '--bundle', '--minify', '--format=esm', `--outfile=${join(outDir, 'main.js')}`],
      { cwd: app },
    );
    // esbuild leaves `new URL('topgun-queries.wasm', import.meta.url)` as it is and copies nothing.
    await copyFile(join(app, 'node_modules/topgun/dist/topgun-queries.wasm'), join(outDir, 'topgun-queries.wasm'));
    await writeFile(join(outDir, 'index.html'), PAGE);
  },
};

/** Builds with the named bundler; resolves to the folder to serve. */
export async function buildWith(name, app) {
  const outDir = join(app, 'out', name);
  await rm(outDir, { recursive: true, force: true });
  await mkdir(outDir, { recursive: true });
  await bundlers[name](app, outDir);
  return outDir;
}
