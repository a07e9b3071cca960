// The contenders in a page, bundled as an application would.

import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { built } from '../../lib/paths.mjs';

const folder = fileURLToPath(new URL('.', import.meta.url));
const html = `<!doctype html><script type="module">
  import { measure } from './main.js';
  globalThis.measure = measure;
  globalThis.loaded();
</script>`;

/** A folder with index.html, which has `measure` of page.js, and what that loads. */
export async function bundleCallbackPage(name, outdir) {
  rmSync(outdir, { recursive: true, force: true });
  mkdirSync(outdir, { recursive: true });
  const contents = readFileSync(join(folder, 'page.js'), 'utf8').replace('NAME', name);
  await build({
    stdin: { contents, resolveDir: folder, sourcefile: 'main.js' },
    bundle: true,
    minify: true,
    format: 'esm',
    target: 'es2022',
    conditions: ['browser'],
    outfile: join(outdir, 'main.js'),
    logLevel: 'error',
  });
  if (name === 'topgun') copyFileSync(join(built.package, 'topgun-queries.wasm'), join(outdir, 'topgun-queries.wasm'));
  writeFileSync(join(outdir, 'index.html'), html);
}
