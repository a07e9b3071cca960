// topgun-server and redis-server under load, each with its own load generator on the same machine.

import { createHmac } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { built } from '../lib/paths.mjs';
import { cpuSeconds, outputOf, startServer } from '../lib/processes.mjs';

/** Different keys that the load generators write to. */
const kKeys = 100_000;

const base64url = (text) => Buffer.from(text).toString('base64url');

/** @param {string[]} options where the data lives, and who may connect */
export async function startTopgun(options) {
  const server = await startServer([built.server, '--port', '0', '--log-level', 'warn', ...options], /^PORT=(\d+)$/m);
  const port = server.match[1];
  return {
    ...server,
    port,
    /** @returns {Promise<{perSecond: number, cpuUs: number}>} acked writes, server CPU of one */
    async load({ operations, batch, inflight, level, transport = 'websocket' }) {
      const report = JSON.parse(await outputOf([
        built.load, '--port', port, '--connections', '50', '--batch', batch, '--inflight', inflight,
        '--level', level, '--operations', operations, '--keys', kKeys, '--value-bytes', 64,
        '--transport', transport, '--server-pid', server.pid,
      ].map(String)));
      if (report.rejected + report.errors > 0) throw new Error(`refused writes: ${JSON.stringify(report)}`);
      return { perSecond: report.operations_per_second, cpuUs: report.server_cpu_us_per_operation };
    },
    /** How soon a change is there at a second client that listens as `reader` says. */
    async visibility({ reader, changes }) {
      return JSON.parse(await outputOf([built.load, '--port', port, '--visibility', reader, '--operations', changes, '--map', 'visible'].map(String)));
    },
    /** User-space bytes of an idle connection. */
    async idle(connections, token) {
      const report = JSON.parse(await outputOf([
        built.load, '--port', port, '--idle', '--connections', connections, '--token', token, '--server-pid', server.pid,
      ].map(String)));
      return report.server_bytes_per_connection;
    },
  };
}

/** Options that make a server ask for tokens, and a token it accepts. */
export function tokens(folder) {
  const secret = 'a secret of the benchmarks, long enough';
  const file = join(folder, 'secret');
  writeFileSync(file, secret);
  const body = `${base64url('{"alg":"HS256","kid":"bench"}')}.${base64url('{"sub":"bench","roles":["writer"]}')}`;
  const signature = createHmac('sha256', secret).update(body).digest('base64url');
  return { options: ['--jwt-key', `bench:HS256:${file}`], token: `${body}.${signature}` };
}

const freePort = () =>
  new Promise((resolve) => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });

export async function startRedis(options) {
  const port = await freePort();
  const server = await startServer(
    ['redis-server', '--port', String(port), '--bind', '127.0.0.1', '--save', '', ...options],
    /Ready to accept connections/,
  );
  return {
    ...server,
    async load({ operations, pipeline }) {
      const before = cpuSeconds(server.pid);
      const csv = await outputOf([
        'redis-benchmark', '-p', port, '-t', 'set', '-c', 50, '-P', pipeline, '-d', 64, '-n', operations,
        '-r', kKeys, '--csv',
      ].map(String));
      const [, perSecond] = csv.match(/^"SET","([\d.]+)"/m) ?? [];
      if (!perSecond) throw new Error(`redis-benchmark said ${csv}`);
      return { perSecond: Number(perSecond), cpuUs: ((cpuSeconds(server.pid) - before) / operations) * 1e6 };
    },
    async keys() {
      return Number((await outputOf(['redis-cli', '-p', String(port), 'dbsize'])).trim());
    },
  };
}
