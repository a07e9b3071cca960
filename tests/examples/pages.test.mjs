// Goal: what a newcomer copies from a page works. Method: the TypeScript blocks of a page, one after
// the other, are one program; it is type-checked and run in Node against a server.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { test } from 'node:test';
import { promisify } from 'node:util';

import { transform } from 'esbuild';

import { fromRoot, temporaryFolder } from '../support/paths.mjs';
import { ServerProcess } from '../support/server.mjs';

const run = promisify(execFile);
const workFolder = fromRoot('build/pages');

async function programOf(page) {
  const text = await readFile(fromRoot(page), 'utf8');
  const blocks = [...text.matchAll(/^```ts\n([\s\S]*?)^```$/gm)].map((match) => match[1]);
  assert.ok(blocks.length > 0, `${page} has no TypeScript`);
  return blocks.join('\n');
}

/** Throws what the compiler says. */
async function checkTypes(program, name) {
  const path = `${workFolder}/${name}.ts`;
  await mkdir(workFolder, { recursive: true });
  await writeFile(path, program);
  const options = { extends: fromRoot('examples/todo/tsconfig.json'), include: [path] };
  await writeFile(`${workFolder}/${name}.json`, JSON.stringify(options));
  try {
    await run(fromRoot('node_modules/.bin/tsc'), ['-p', `${workFolder}/${name}.json`]);
  } catch (error) {
    throw new Error(error.stdout);
  }
}

/** Runs the program as if it had been loaded from the server; resolves to what it printed. */
async function runAt(program, name, url) {
  const { code } = await transform(program, { loader: 'ts' });
  const path = `${workFolder}/${name}.mjs`;
  const page = `globalThis.location = { origin: ${JSON.stringify(url)} };\n`;
  const end = '\nif (client.status !== "closed") await client.close();\n';
  await writeFile(path, page + code.replaceAll(/ws:\/\/127\.0\.0\.1:8080\/ws|http:\/\/localhost:8080/g, url) + end);
  const { stdout } = await run(process.execPath, [path], { timeout: 30_000 });
  return stdout;
}

for (const [name, page, printed] of [
  ['readme', 'README.md', /Buy milk/],
  ['first-app', 'docs/guides/first-app.md', /Pack the tent/],
]) {
  test(`${page}: its TypeScript compiles and does what the page says`, async (t) => {
    const server = await ServerProcess.start({ dataDir: await temporaryFolder(t) });
    t.after(() => server.kill());
    const program = await programOf(page);
    await checkTypes(program, name);
    assert.match(await runAt(program, name, server.url), printed);
  });
}
