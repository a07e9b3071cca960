// Servers as child processes, and what /proc knows of them.

import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';

const kReadyMs = 60_000;
/** Clock ticks a second in /proc; 100 on every Linux that Node runs on. */
const kTicks = 100;

/** CPU time of a process so far, user and system, in seconds. */
export function cpuSeconds(pid) {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / kTicks;
}

/**
 * Starts a server and waits until its output matches `ready`.
 * @returns {Promise<{pid: number, match: RegExpMatchArray, ready_ms: number,
 *   stop: (signal?: string) => Promise<void>}>} `ready_ms` counts from the start of the process
 */
export function startServer(command, ready, { cwd } = {}) {
  return new Promise((resolve, reject) => {
    const begin = performance.now();
    const child = spawn(command[0], command.slice(1), { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    const ended = new Promise((done) => child.on('exit', done));
    const timer = setTimeout(() => child.kill('SIGKILL'), kReadyMs);
    const stop = async (signal = 'SIGTERM') => {
      child.kill(signal);
      await ended;
      process.removeListener('exit', kill);
    };
    const kill = () => child.kill('SIGKILL');
    process.on('exit', kill);
    let isReady = false;
    const take = (chunk) => {
      if (isReady) return;
      output += chunk;
      const match = output.match(ready);
      if (!match) return;
      isReady = true;
      clearTimeout(timer);
      resolve({ pid: child.pid, match, ready_ms: performance.now() - begin, stop });
    };
    child.stdout.setEncoding('utf8').on('data', take);
    child.stderr.setEncoding('utf8').on('data', take);
    child.on('error', reject);
    ended.then((code) => {
      clearTimeout(timer);
      if (!isReady) reject(new Error(`${command.join(' ')} ended with ${code} before it was ready\n${output}`));
    });
  });
}

/** What a program prints; rejects if it fails. */
export function outputOf(command, { env = process.env } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command[0], command.slice(1), { env, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    let errors = '';
    child.stdout.setEncoding('utf8').on('data', (chunk) => (output += chunk));
    child.stderr.setEncoding('utf8').on('data', (chunk) => (errors += chunk));
    child.on('error', reject);
    child.on('close', (code) => {
      if (code === 0) resolve(output);
      else reject(new Error(`${command.join(' ')} ended with ${code}\n${errors}`));
    });
  });
}
