// The npm packages of the lock files, installed when they are not what the lock files say.

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isMain, root } from './repository.mjs';
import { run } from './run.mjs';

/** Where the simulator in WebAssembly takes SQLite's source from. Nothing in there is ever run. */
const kSimulator = 'wasm/simulator';

/** Whether node_modules holds what package-lock.json asks for. npm keeps its own copy of the list. */
function installed(folder) {
  const path = join(root, folder, 'node_modules', '.package-lock.json');
  if (!existsSync(path)) return false;
  const have = JSON.parse(readFileSync(path, 'utf8')).packages;
  const want = JSON.parse(readFileSync(join(root, folder, 'package-lock.json'), 'utf8')).packages;
  return Object.entries(want).every(
    ([name, { version, optional, link }]) =>
      name === '' || optional || link || !name.startsWith('node_modules/') || have[name]?.version === version,
  );
}

/** Resolves when they are there. Rejects with npm's output if they cannot be installed. */
export async function ensurePackages(say = console.log) {
  let missing = false;
  for (const [folder, ...options] of [['.'], [kSimulator, '--ignore-scripts']]) {
    if (installed(folder)) continue;
    missing = true;
    say(`installing npm packages in ${folder}`);
    const { code, output } = await run(['npm', 'ci', '--no-audit', '--no-fund', ...options], { label: 'npm ci', cwd: join(root, folder) });
    if (code !== 0) throw new Error(`npm ci failed in ${folder}\n${output}`);
  }
  if (!missing) say('all npm packages are there');
}

if (isMain(import.meta.url)) {
  try {
    await ensurePackages((text) => console.log(`bootstrap: ${text}`));
  } catch (error) {
    console.error(`bootstrap: ${error.message}`);
    process.exit(1);
  }
}
