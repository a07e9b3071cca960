// Processes of the simulator: each runs some seeds on one thread and says one JSON object a line.

import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { root } from '../repository.mjs';

export const kPrograms = {
  plain: join(root, 'build/release/tests/sim/topgun-sim'),
  probed: join(root, 'build/release/tests/sim/topgun-sim-probed'),
};

/**
 * Runs a program of the simulator to its end.
 * @param {string} program
 * @param {(string|number)[]} words its arguments
 * @param {(event: object) => void} take what it says, as it says it
 * @returns {Promise<object>} its summary; rejects if it ends without one
 */
export function simulate(program, words, take = () => {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, words.map(String), { stdio: ['ignore', 'pipe', 'pipe'] });
    let errors = '';
    let summary = null;
    child.stderr.setEncoding('utf8').on('data', (text) => { errors += text; });
    const lines = createInterface({ input: child.stdout });
    lines.on('line', (line) => {
      const event = JSON.parse(line);
      if (event.event === 'summary') summary = event;
      else take(event);
    });
    const ended = new Promise((done) => lines.on('close', done));
    child.on('error', reject);
    child.on('close', async (code, signal) => {
      await ended;
      if (summary) return resolve(summary);
      const how = signal ? `was ended by ${signal}` : `ended with ${code}`;
      reject(new Error(`${program} ${words.join(' ')} ${how}\n${errors}`));
    });
  });
}
