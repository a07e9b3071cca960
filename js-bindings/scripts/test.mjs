// usage: npm test -w topgun [-- <name>...]
// Checks types and generated files, bundles the tests and runs them (all, or those named).
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('../..', import.meta.url));
const bindings = join(root, 'js-bindings');
const out = join(root, 'build/js-tests');

function run(command, args) {
  const { status } = spawnSync(command, args, { cwd: bindings, stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
}

run('node', ['scripts/generate-errors.mjs', '--check']);
run(join(root, 'node_modules/.bin/tsc'), ['-p', 'tsconfig.json']);

const wanted = process.argv.slice(2);
const tests = readdirSync(join(bindings, 'test'), { recursive: true })
  .filter((name) => name.endsWith('.test.ts'))
  .filter((name) => wanted.length === 0 || wanted.some((part) => name.includes(part)));
rmSync(out, { recursive: true, force: true });
mkdirSync(out, { recursive: true });
await build({
  entryPoints: tests.map((name) => join(bindings, 'test', name)),
  outdir: out,
  outExtension: { '.js': '.mjs' },
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node20',
  sourcemap: 'inline',
  external: ['ws', 'playwright-core', 'esbuild', 'react', 'react-dom'],
  logLevel: 'warning',
});

// The tests run every case on both builds of the core, and fail where one is missing.
const firstOf = (...paths) => paths.map((path) => join(root, 'build', path)).find(existsSync) ?? '';
process.env.TOPGUN_TEST_WASM = firstOf('wasm-release/wasm/topgun.wasm');
process.env.TOPGUN_TEST_QUERIES_WASM = firstOf('wasm-release/wasm/topgun-queries.wasm');
process.env.TOPGUN_TEST_ADDON = firstOf(
  'release/host-native/addon/topgun.node',
  'dev/host-native/addon/topgun.node',
);
process.env.TOPGUN_TEST_SERVER = firstOf(
  'release/host-native/topgun-server',
  'dev/host-native/topgun-server',
);
run('node', [
  '--enable-source-maps',
  '--test',
  ...tests.map((name) => join(out, basename(name, '.ts') + '.mjs')),
]);
