// Runs a command with its output in a log file, showing its last line on a terminal as it goes.

import { spawn } from 'node:child_process';
import { createWriteStream, mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { root } from './repository.mjs';

const kTerminal = process.stderr.isTTY && process.env.CI === undefined;

/** Overwrites the progress line of the terminal; nothing where there is none. */
export function showProgress(text) {
  if (!kTerminal) return;
  const width = (process.stderr.columns ?? 80) - 1;
  process.stderr.write(`\r\x1b[K${text.replace(/[\x00-\x1f]/g, '').slice(0, width)}`);
}

/**
 * The environment for builds: ccache shares results between clones of the repository, and em++ of
 * Debian finds its JavaScript tools.
 */
export function buildEnvironment() {
  return {
    ...process.env,
    CCACHE_BASEDIR: process.env.CCACHE_BASEDIR ?? root,
    CCACHE_NOHASHDIR: 'true',
    CLICOLOR_FORCE: '0',
    NODE_PATH: process.env.NODE_PATH ?? '/usr/share/nodejs',
  };
}

/**
 * @param {string[]} command program and arguments
 * @param {{cwd?: string, env?: object, log?: string, label?: string, timeout_ms?: number}} options
 * @returns {Promise<{code: number, output: string}>} 127 as code if the program cannot be started
 */
export function run(command, { cwd = root, env = {}, log, label = command[0], timeout_ms } = {}) {
  return new Promise((resolve) => {
    let file;
    if (log) {
      mkdirSync(dirname(log), { recursive: true });
      file = createWriteStream(log, { flags: 'a' });
      file.write(`$ ${command.join(' ')}\n`);
    }
    let output = '';
    const child = spawn(command[0], command.slice(1), {
      cwd,
      env: { ...buildEnvironment(), ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: timeout_ms !== undefined,
    });
    const timer = timeout_ms && setTimeout(() => {
      output += `\ntook longer than ${timeout_ms / 1000} s\n`;
      process.kill(-child.pid, 'SIGKILL');
    }, timeout_ms);
    const take = (chunk) => {
      output += chunk;
      file?.write(chunk);
      const last = output.trimEnd().split('\n').at(-1);
      showProgress(`${label}: ${last}`);
    };
    const finish = (code) => {
      clearTimeout(timer);
      showProgress('');
      if (file) file.end(() => resolve({ code, output }));
      else resolve({ code, output });
    };
    child.stdout.setEncoding('utf8').on('data', take);
    child.stderr.setEncoding('utf8').on('data', take);
    child.on('error', (error) => { take(`${error.message}\n`); finish(127); });
    child.on('close', (code) => finish(code ?? 1));
  });
}
