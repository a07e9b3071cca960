// Packs the built package as npm would publish it and installs it into a copy of the fixture.

import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { fromRoot } from '../support/paths.mjs';

const run = promisify(execFile);
const packageFolder = fromRoot('js-bindings');
const workFolder = fromRoot('build/packaging');
const fixture = fromRoot('tests/packaging/fixture');

/** The paths, inside the package, of the files that npm would publish. */
export async function packedFiles() {
  await mkdir(workFolder, { recursive: true });
  const [packed] = JSON.parse(await npm(['pack', packageFolder, '--dry-run', '--json']));
  return packed.files.map((file) => file.path);
}

/** Packs the package into build/packaging; resolves to the tarball. */
export async function packPackage() {
  await mkdir(workFolder, { recursive: true });
  const stdout = await npm(['pack', packageFolder, '--pack-destination', workFolder, '--json']);
  const [packed] = JSON.parse(stdout);
  return join(workFolder, packed.filename);
}

/**
 * The fixture with its bundlers and the package installed; resolves to its folder. The bundlers are
 * kept from run to run while the lock file stays as it is.
 */
export async function installFixture(tarball) {
  const app = join(workFolder, 'app');
  const lock = await readFile(join(fixture, 'package-lock.json'));
  const digest = createHash('sha256').update(lock).digest('hex');
  const marker = join(app, 'node_modules', '.fixture-lock');
  if ((await readFile(marker, 'utf8').catch(() => '')) !== digest) {
    await rm(app, { recursive: true, force: true });
    await cp(fixture, app, { recursive: true });
    await npm(['ci', '--ignore-scripts'], app);
    await writeFile(marker, digest);
  }
  await rm(join(app, 'apps'), { recursive: true, force: true });
  await cp(fixture, app, { recursive: true });
  await npm(['install', '--no-save', '--no-package-lock', tarball], app);
  return app;
}

async function npm(args, cwd = workFolder) {
  const { stdout } = await run('npm', [...args, '--no-audit', '--no-fund'], {
    cwd,
    env: cleanEnvironment(),
    maxBuffer: 1 << 24,
  });
  return stdout;
}

/** Without what an outer `npm test` says about its own package. */
function cleanEnvironment() {
  return Object.fromEntries(
    Object.entries(process.env).filter(
      ([name]) => !/^npm_(package|lifecycle|config_local_prefix)/.test(name) && name !== 'INIT_CWD',
    ),
  );
}
