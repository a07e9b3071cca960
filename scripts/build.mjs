#!/usr/bin/env node
// usage: npm run build
//
// Builds what changed: the server in build/release/host-native, the npm package with its WebAssembly
// modules and its addon, packed in dist/, and the pages of the examples in build/examples.

import { readdirSync } from 'node:fs';
import { join } from 'node:path';

import { BuildError, buildBoard, buildPackage, buildServer, buildSimulatorPage, buildTodoApp, serverBinary } from './lib/build.mjs';
import { ensurePackages } from './lib/packages.mjs';
import { root } from './lib/repository.mjs';

try {
  await ensurePackages(() => {});
  await buildServer();
  console.log(serverBinary);
  await buildPackage();
  for (const name of readdirSync(join(root, 'dist')).filter((file) => file.endsWith('.tgz'))) {
    console.log(`dist/${name}`);
  }
  await buildTodoApp();
  await buildBoard();
  await buildSimulatorPage();
} catch (error) {
  console.error(error instanceof BuildError ? error.message : error.stack);
  process.exit(1);
}
