#!/usr/bin/env node
// Probes (core/base/probe.hpp) are marks and planted bugs for the simulator. Products must hold
// nothing of them: no code, no data, no branch on a number that somebody could set. Read from the
// symbols of what was built; the simulator's own archive shows that the reading finds what is there.

import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import { isMain, report, root } from './lib/repository.mjs';

const kProbed = 'build/release/tests/sim/libtopgun_probed.a';
const kBuilds = [
  { folder: 'build/release', nm: 'nm' },
  { folder: 'build/wasm-release', nm: 'llvm-nm-14' },
];

/** Lines of `nm --demangle` that name something of the probes, or of the list of planted bugs. */
export function probeSymbols(nmOutput) {
  return nmOutput.split('\n').filter((line) => /\btopgun::(probe::|sim::kMutants\b)/.test(line)).map((line) => line.trim());
}

const symbols = (nm, path) => execFileSync(nm, ['--demangle', path], { encoding: 'utf8', maxBuffer: 1 << 28, stdio: ['ignore', 'pipe', 'ignore'] });

/** What is built with probes on purpose, and goes into no product. */
const kProbedOnPurpose = ['/tests/', '/wasm/simulator/'];

/** Archives below `folder` that products are made of. */
function archives(folder) {
  return readdirSync(join(root, folder), { recursive: true })
    .map((name) => join(folder, String(name)))
    .filter((path) => path.endsWith('.a') && !kProbedOnPurpose.some((part) => path.includes(part)))
    .sort();
}

if (isMain(import.meta.url)) {
  const problems = [];
  const products = kBuilds.filter(({ folder }) => existsSync(join(root, folder)))
    .flatMap(({ folder, nm }) => archives(folder).map((path) => ({ path, nm })));
  for (const { path, nm } of products) {
    for (const symbol of probeSymbols(symbols(nm, join(root, path)))) {
      problems.push({ path, message: `a product holds a probe: ${symbol}` });
    }
  }
  if (!products.some(({ path }) => path.endsWith('/libtopgun_core.a'))) problems.push({ path: 'build/release', message: 'the core is not built' });
  const probed = join(root, kProbed);
  if (!existsSync(probed)) problems.push({ path: kProbed, message: 'is not built' });
  else if (probeSymbols(symbols('nm', probed)).length === 0) problems.push({ path: kProbed, message: 'shows no probes, so this check sees nothing' });
  console.log(`looked for probes in ${products.map(({ path }) => relative('build', path)).join(', ')}`);
  report('probes', problems);
}
