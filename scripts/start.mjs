#!/usr/bin/env node
// usage: npm start [-- <option of topgun-server>...]
//
// Builds what changed, then serves the demo from a server that keeps its data in .topgun/data, and
// prints one URL. The board is below /board/; the simulator's page, below /simulator/, takes longer to
// build and comes later. The port is $PORT, 0 meaning any; without it 8080, or any if that is taken. Ctrl-C stops it.

import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

import {
  BuildError,
  boardFolder,
  buildBoard,
  buildPackage,
  buildServer,
  buildSimulatorPage,
  buildTodoApp,
  demoFolder,
  serverBinary,
  simulatorFolder,
} from './lib/build.mjs';
import { ensurePackages } from './lib/packages.mjs';
import { root } from './lib/repository.mjs';

const kPort = 8080;

/** `port` if nobody listens there, else 0. */
function freeOrAny(port) {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(0));
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(port)));
  });
}

async function build() {
  await ensurePackages(() => {});
  await buildServer();
  await buildPackage();
  await buildTodoApp();
  await buildBoard();
}

const kComing = `<!doctype html><html lang="en"><meta charset="utf-8"><meta http-equiv="refresh" content="3">
<title>TopGun simulator</title><p style="font: 16px system-ui; margin: 3em">The simulator is being built. This page waits for it.</p></html>
`;

/** Builds the simulator's page while the demo is served already. */
async function buildTheRest() {
  const page = join(root, simulatorFolder, 'index.html');
  if (!existsSync(page)) writeFileSync(page, kComing);
  try {
    await buildSimulatorPage();
  } catch (error) {
    console.error(error instanceof BuildError ? error.message : error.stack);
  }
}

/** Runs the server until it ends. Resolves to its exit code. */
function serve(port) {
  const data = join(root, '.topgun', 'data');
  mkdirSync(data, { recursive: true });
  mkdirSync(join(root, simulatorFolder), { recursive: true });
  const pages = [join(root, demoFolder), `/board=${join(root, boardFolder)}`, `/simulator=${join(root, simulatorFolder)}`];
  const folders = pages.flatMap((page) => ['--static', page]);
  const options = ['--data', data, '--port', String(port), ...folders, '--no-auth'];
  const server = spawn(join(root, serverBinary), [...options, ...process.argv.slice(2)], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { TOPGUN_LOG_LEVEL: 'warn', ...process.env },
  });
  createInterface({ input: server.stdout }).on('line', (line) => {
    const ready = /^PORT=(\d+)$/.exec(line);
    console.log(ready ? `TopGun is ready: http://127.0.0.1:${ready[1]}/` : line);
    if (ready) void buildTheRest();
  });
  // The first Ctrl-C asks for an end after everything under way (it reaches the server twice, from
  // the terminal and from here, and counts once). Another, a second later, does not wait for that.
  let askedAt;
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.on(signal, () => {
      askedAt ??= Date.now();
      server.kill(Date.now() - askedAt < 1000 ? 'SIGTERM' : 'SIGKILL');
    });
  }
  return new Promise((resolve) => {
    server.on('error', (error) => { console.error(error.message); resolve(1); });
    server.on('exit', (code, signal) => resolve(signal ? 1 : code));
  });
}

try {
  await build();
  process.exit(await serve(process.env.PORT ?? (await freeOrAny(kPort))));
} catch (error) {
  console.error(error instanceof BuildError ? error.message : error.stack);
  process.exit(1);
}
