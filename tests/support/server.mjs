// Starts topgun-server as a process of its own, for tests that talk to it from outside.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';

import { fromRoot } from './paths.mjs';

const BINARIES = ['build/release/host-native/topgun-server', 'build/dev/host-native/topgun-server'];

/** The server to test: `TOPGUN_SERVER`, else what the presets built. */
export function serverBinary() {
  const candidates = [process.env.TOPGUN_SERVER, ...BINARIES.map(fromRoot)];
  const found = candidates.find((path) => path && existsSync(path));
  if (!found) throw new Error(`no topgun-server; build one of ${BINARIES.join(', ')}`);
  return found;
}

/** A running server. `kill` and `stop` resolve when the process is gone. */
export class ServerProcess {
  /**
   * Resolves when the server accepts connections. Without `dataDir` it keeps everything in memory.
   * `port` 0 takes a free one; pass the `port` of an earlier process to restart at the same address.
   */
  static async start({ dataDir, staticDir, port = 0, args = [] } = {}) {
    const command = ['--port', String(port), '--no-auth', '--allow-origin', '*', ...args];
    command.push(...(dataDir ? ['--data', dataDir] : ['--memory']));
    if (staticDir) command.push('--static', staticDir);
    const child = spawn(serverBinary(), command, { stdio: ['ignore', 'pipe', 'pipe'] });
    const server = new ServerProcess(child);
    server.port = await server.#announcedPort();
    return server;
  }

  #child;
  #exited;
  #log = [];

  constructor(child) {
    this.#child = child;
    this.#exited = once(child, 'exit');
    createInterface({ input: child.stderr }).on('line', (line) => this.#log.push(line));
  }

  /** What the server logged so far, for the message of a failing test. */
  get log() {
    return this.#log.join('\n');
  }

  get pid() {
    return this.#child.pid;
  }

  get url() {
    return `http://127.0.0.1:${this.port}/`;
  }

  get webSocketUrl() {
    return `ws://127.0.0.1:${this.port}/ws`;
  }

  /** `kill -9`: the process gets no chance to write anything more. */
  async kill() {
    this.#child.kill('SIGKILL');
    await this.#exited;
  }

  /** Asks for a graceful end. Resolves to the exit code, null after a signal. */
  async stop() {
    this.#child.kill('SIGTERM');
    const [code] = await this.#exited;
    return code;
  }

  async #announcedPort() {
    const lines = createInterface({ input: this.#child.stdout });
    const announced = new Promise((resolve) => {
      lines.on('line', (line) => {
        const match = /^PORT=(\d+)$/.exec(line);
        if (match) resolve(Number(match[1]));
      });
    });
    const ended = this.#exited.then(([code, signal]) => {
      throw new Error(`topgun-server ended (${signal ?? code}) before it was ready\n${this.log}`);
    });
    ended.catch(() => {}); // A later exit is not an error of the start.
    return Promise.race([announced, ended]);
  }
}
