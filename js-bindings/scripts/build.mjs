// usage: node js-bindings/scripts/build.mjs
// Bundles the package into js-bindings/dist, with the WebAssembly of build/wasm-release and, where it
// was built, the addon of build/release; then packs it into dist/topgun-<version>.tgz.
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('../..', import.meta.url));
const bindings = join(root, 'js-bindings');
const source = (name) => join(bindings, 'src', `${name}.ts`);
const dist = join(bindings, 'dist');
const run = (command, args, options = {}) =>
  execFileSync(command, args, { cwd: bindings, stdio: ['ignore', 'pipe', 'inherit'], ...options });

rmSync(dist, { recursive: true, force: true });
mkdirSync(dist);

/** The builds of the core, without queries and with them. */
const cores = ['topgun', 'topgun-queries'];

const common = {
  outdir: dist,
  bundle: true,
  target: 'es2022',
  legalComments: 'none',
  logLevel: 'warning',
  external: [
    'react',
    'ws',
    '@sqlite.org/sqlite-wasm',
    ...cores.flatMap((name) => [`./${name}.wasm`, `./${name}.wasm?module`]),
  ],
};

// Entry points share chunks, so that each class exists once however many are imported.
await build({
  ...common,
  entryPoints: {
    'index.browser': source('index.browser'),
    'index.node': source('index.node'),
    'index.workerd': source('index.workerd'),
    'index.edge': source('index.edge'),
    'base.browser': source('base.browser'),
    'base.node': source('base.node'),
    'base.workerd': source('base.workerd'),
    'base.edge': source('base.edge'),
    'edge.workerd': source('edge.workerd'),
    'edge.edge': source('edge.edge'),
    'edge.node': source('edge.node'),
    'edge-queries.workerd': source('edge-queries.workerd'),
    'edge-queries.edge': source('edge-queries.edge'),
    'edge-queries.node': source('edge-queries.node'),
    advisor: source('advisor'),
    react: source('react/index'),
    'react-server': source('react/server'),
    'storage-indexeddb': source('storage/indexeddb'),
    'storage-opfs': source('storage/opfs'),
    'storage-node': source('storage/node'),
    'opfs-worker': source('storage/opfs-worker'),
  },
  format: 'esm',
  platform: 'neutral',
  splitting: true,
  chunkNames: 'shared-[hash]',
});

const commonJs = { format: 'cjs', platform: 'node', outExtension: { '.js': '.cjs' } };
await build({
  ...common,
  entryPoints: {
    'index.node': source('index.node'),
    'base.node': source('base.node'),
    'edge.node': source('edge.node'),
    'edge-queries.node': source('edge-queries.node'),
    'storage-node': source('storage/node'),
  },
  ...commonJs,
  // CommonJS knows its file under another name.
  define: { 'import.meta.url': 'moduleUrl' },
  banner: { js: "const moduleUrl = require('node:url').pathToFileURL(__filename).href;" },
});

// Without a banner: 'use client' stands first.
await build({
  ...common,
  entryPoints: {
    advisor: source('advisor'),
    react: source('react/index'),
    'react-server': source('react/server'),
  },
  ...commonJs,
});

const tsc = join(root, 'node_modules/.bin/tsc');
run(tsc, ['-p', 'tsconfig.build.json'], { stdio: 'inherit' });
// The same types once more, as those of CommonJS modules.
cpSync(join(dist, 'types'), join(dist, 'types-cjs'), { recursive: true });
writeFileSync(join(dist, 'types-cjs/package.json'), '{ "type": "commonjs" }\n');

for (const name of cores) {
  cpSync(join(root, `build/wasm-release/wasm/${name}.wasm`), join(dist, `${name}.wasm`));
}

const addon = join(root, 'build/release/host-native/addon/topgun.node');
if (existsSync(addon)) {
  const target = join(dist, addonName());
  cpSync(addon, target);
  run('strip', ['--strip-unneeded', target]);
}

cpSync(join(root, 'LICENSE'), join(bindings, 'LICENSE'));
mkdirSync(join(root, 'dist'), { recursive: true });
const [packed] = JSON.parse(run('npm', ['pack', '--json', '--pack-destination', join(root, 'dist')]));
console.log(`dist/${packed.filename}: ${packed.size} bytes, ${packed.entryCount} files`);

/** As `src/loader/node.ts` looks for it. */
function addonName() {
  const { platform, arch } = process;
  if (platform !== 'linux') return `topgun-${platform}-${arch}.node`;
  const libc = process.report.getReport().header.glibcVersionRuntime === undefined ? 'musl' : 'gnu';
  return `topgun-${platform}-${arch}-${libc}.node`;
}
