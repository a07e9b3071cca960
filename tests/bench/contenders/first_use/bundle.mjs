// The contenders as an application would ship them: one minified bundle each, WebAssembly beside it.

import { copyFileSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { built } from '../../lib/paths.mjs';

const folder = fileURLToPath(new URL('.', import.meta.url));

const page = `export { firstUse } from './NAME.js';`;
/** On the clock is what comes after the page itself: download, start and first operation. */
const html = `<!doctype html><script type="module">
  const begin = performance.now();
  const { firstUse } = await import('./main.js');
  const text = await firstUse();
  const end = performance.now();
  if (text !== 'value') throw new Error(text);
  globalThis.finished(end - begin);
</script>`;
const worker = `
  import { firstUse } from './NAME.js';
  export default { fetch: async () => new Response(await firstUse()) };
`;

async function bundle(name, source, conditions, outdir) {
  rmSync(outdir, { recursive: true, force: true });
  mkdirSync(outdir, { recursive: true });
  await build({
    stdin: { contents: source.replace('NAME', name), resolveDir: folder, sourcefile: 'main.js' },
    bundle: true,
    minify: true,
    format: 'esm',
    target: 'es2022',
    conditions,
    outfile: join(outdir, 'main.js'),
    // WebAssembly that is imported stays a file of its own.
    loader: { '.wasm': 'copy' },
    assetNames: '[name]',
    ...(conditions.includes('workerd') && { external: ['./topgun.wasm'] }),
    logLevel: 'error',
  });
  if (name === 'topgun') copyFileSync(join(built.package, 'topgun.wasm'), join(outdir, 'topgun.wasm'));
}

/** A folder with index.html, main.js and what that loads. */
export async function bundlePage(name, outdir) {
  await bundle(name, page, ['browser'], outdir);
  writeFileSync(join(outdir, 'index.html'), html);
  return outdir;
}

/** Modules for miniflare, the entry point first. */
export async function bundleWorker(name, outdir) {
  await bundle(name, worker, ['workerd', 'worker', 'browser'], outdir);
  const modules = readdirSync(outdir)
    .filter((file) => file.endsWith('.wasm'))
    .map((file) => ({ type: 'CompiledWasm', path: file, contents: readFileSync(join(outdir, file)) }));
  return [{ type: 'ESModule', path: 'main.js', contents: readFileSync(join(outdir, 'main.js'), 'utf8') }, ...modules];
}
