// The npm packages of the lock file, installed when they are not what the lock file says.

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isMain, root } from './repository.mjs';
import { run } from './run.mjs';

/** Whether node_modules holds what package-lock.json asks for. npm keeps its own copy of the list. */
function installed() {
  const path = join(root, 'node_modules', '.package-lock.json');
  if (!existsSync(path)) return false;
  const have = JSON.parse(readFileSync(path, 'utf8')).packages;
  const want = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')).packages;
  return Object.entries(want).every(
    ([name, { version, optional, link }]) =>
      name === '' || optional || link || !name.startsWith('node_modules/') || have[name]?.version === version,
  );
}

/** Resolves when they are there. Rejects with npm's output if they cannot be installed. */
export async function ensurePackages(say = console.log) {
  if (!existsSync(join(root, 'package-lock.json')) || installed()) {
    say('all npm packages are there');
    return;
  }
  say('installing npm packages');
  const { code, output } = await run(['npm', 'ci', '--no-audit', '--no-fund'], { label: 'npm ci' });
  if (code !== 0) throw new Error(`npm ci failed\n${output}`);
}

if (isMain(import.meta.url)) {
  try {
    await ensurePackages((text) => console.log(`bootstrap: ${text}`));
  } catch (error) {
    console.error(`bootstrap: ${error.message}`);
    process.exit(1);
  }
}
