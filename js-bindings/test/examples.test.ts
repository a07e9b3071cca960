import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  copyFileSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join, resolve } from 'node:path';
import { before, test, type TestContext } from 'node:test';
import { build } from 'esbuild';
import { TestServer } from './support/server.js';

// Goal: every example that a reader may copy compiles, and does what it says. Method: the blocks are
// taken out of the guide, the README and the doc comments, checked by TypeScript together, and run in
// Node one by one against a server; a component that an example exports is rendered. Examples for
// browsers are only checked.

const work = resolve('../build/js-tests/examples');
const source = resolve('src');

interface Example {
  readonly name: string;
  /** How its file ends: ts or tsx. */
  readonly kind: string;
  readonly code: string;
}

const examples: Example[] = [
  ...inMarkdown('../docs/guides/javascript.md', 'guide'),
  ...inMarkdown('../docs/guides/tabs.md', 'tabs'),
  ...inMarkdown('../docs/guides/serverless.md', 'serverless'),
  ...inMarkdown('../docs/guides/queries.md', 'queries'),
  ...inMarkdown('../docs/guides/live-views.md', 'views'),
  ...inMarkdown('../docs/guides/react.md', 'react'),
  ...inMarkdown('README.md', 'readme'),
  ...readdirSync(source, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts'))
    .flatMap((path) => inComments(path)),
];

const forBrowsers = ({ code }: Example): boolean => /storage\/(indexeddb|opfs)/.test(code);

function inMarkdown(path: string, name: string): Example[] {
  const text = readFileSync(path, 'utf8');
  return [...text.matchAll(/^```(tsx?)\n([\s\S]*?)^```$/gm)].map((match, index) => ({
    name: `${name}-${index + 1}`,
    kind: match[1]!,
    code: match[2]!,
  }));
}

/** The `@example` blocks of a source file. */
function inComments(path: string): Example[] {
  const text = readFileSync(join(source, path), 'utf8');
  return [...text.matchAll(/@example\n \* ```(tsx?)\n([\s\S]*?) \* ```/g)].map((match, index) => ({
    name: `${path.replace(/\W/g, '-')}-${index + 1}`,
    kind: match[1]!,
    code: match[2]!.replace(/^ \* ?/gm, ''),
  }));
}

before(async () => {
  rmSync(work, { recursive: true, force: true });
  mkdirSync(work, { recursive: true });
  for (const { name, kind, code } of examples) writeFileSync(join(work, `${name}.${kind}`), code);
  const entry = (path: string): string[] => [join(source, path)];
  const paths = {
    topgun: entry('index.browser.ts'),
    'topgun/base': entry('base.browser.ts'),
    'topgun/edge': entry('edge.node.ts'),
    'topgun/edge/queries': entry('edge-queries.node.ts'),
    'topgun/advisor': entry('advisor.ts'),
    'topgun/react': entry('react/index.ts'),
    'topgun/react/server': entry('react/server.ts'),
    'topgun/storage/*': entry('storage/*.ts'),
  };
  const config = {
    extends: resolve('tsconfig.json'),
    compilerOptions: {
      module: 'ESNext',
      moduleResolution: 'Bundler',
      allowImportingTsExtensions: true,
      noUnusedLocals: false,
      jsx: 'react-jsx',
      typeRoots: [resolve('../node_modules/@types')],
      paths,
    },
    include: ['*.ts', '*.tsx', join(source, 'wasm-module.d.ts')],
  };
  writeFileSync(join(work, 'tsconfig.json'), JSON.stringify(config));
  copyFileSync(process.env['TOPGUN_TEST_WASM']!, join(work, 'topgun.wasm'));
  copyFileSync(process.env['TOPGUN_TEST_QUERIES_WASM']!, join(work, 'topgun-queries.wasm'));
});

test('examples: there are some, and all of them compile', () => {
  assert.ok(examples.length > 12, `${examples.length} examples`);
  try {
    execFileSync(resolve('../node_modules/.bin/tsc'), ['-p', work]);
  } catch (error) {
    assert.fail(String((error as { stdout: Buffer }).stdout));
  }
});

for (const example of examples.filter((each) => !forBrowsers(each))) {
  test(`examples: ${example.name} runs`, async (t) => runExample(example, t));
}

async function runExample({ name, kind, code }: Example, t: TestContext): Promise<void> {
  const server = await TestServer.start(['--memory']);
  t.after(() => server.kill());
  const here = code.replace(/https?:\/\/(localhost:8080|example\.org)/g, server.url);
  const file = join(work, `${name}.run.${kind}`);
  writeFileSync(file, here);
  await build({
    entryPoints: [file],
    outfile: join(work, `${name}.mjs`),
    bundle: true,
    platform: 'node',
    format: 'esm',
    jsx: 'automatic',
    external: ['ws', 'react', 'react-dom'],
    alias: {
      topgun: join(source, 'index.node.ts'),
      'topgun/base': join(source, 'base.node.ts'),
      'topgun/advisor': join(source, 'advisor.ts'),
      'topgun/react': join(source, 'react/index.ts'),
      'topgun/react/server': join(source, 'react/server.ts'),
      'topgun/edge/queries': join(source, 'edge-queries.node.ts'),
      'topgun/edge': join(source, 'edge.node.ts'),
      'topgun/storage/node': join(source, 'storage/node.ts'),
    },
    logLevel: 'silent',
  });
  writeFileSync(join(work, `${name}.main.mjs`), MAIN.replace('EXAMPLE', `./${name}.mjs`));
  execFileSync('node', [`${name}.main.mjs`], { cwd: work, timeout: 20_000 });
}

/** Examples that leave their client open are ended after their last line. */
const MAIN = `
import { createElement } from 'react';
import { renderToString } from 'react-dom/server';
const { default: App } = await import('EXAMPLE');
if (typeof App === 'function' && renderToString(createElement(App)) === '') throw new Error('renders nothing');
process.exit(0);
`;
