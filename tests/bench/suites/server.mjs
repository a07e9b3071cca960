// The server under load, against redis-server with redis-benchmark on the same processors.

import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { startRedis, startTopgun, tokens } from '../contenders/servers.mjs';
import { interleave, median } from '../lib/measure.mjs';
import { findProgram, root } from '../lib/paths.mjs';
import { progress } from '../lib/results.mjs';

const kMemory = ['--memory', '--no-auth'];
/** No checkpoint while a run lasts: the log alone is measured. */
const durable = (folder) => ['--data', folder, '--no-auth', '--checkpoint-interval-ms', '3600000'];
const appendOnly = (folder) => [
  '--dir', folder, '--appendonly', 'yes', '--appendfsync', 'always', '--auto-aof-rewrite-percentage', '0',
];

export async function run(results, { smoke }) {
  const redis = findProgram('redis-server') && findProgram('redis-benchmark');
  if (!redis) progress('server: redis-server is not installed; its figures, and the ratios, are left out');
  // On the disk of the build, not in /tmp, which may be memory.
  mkdirSync(join(root, 'build'), { recursive: true });
  const folder = mkdtempSync(join(root, 'build/bench-server-'));
  const fresh = (name) => mkdtempSync(join(folder, name));
  try {
    await writes(results, { smoke, redis });
    await durableWrites(results, { smoke, redis, fresh });
    await restart(results, { smoke, redis, fresh });
    await idleConnections(results, { smoke, folder });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Measures both servers in turns. */
async function compare(rounds, topgun, redis) {
  const cpu = { topgun: [], redis: [] };
  const taking = (name, load) => async () => {
    const { perSecond, cpuUs } = await load();
    cpu[name].push(cpuUs);
    return perSecond;
  };
  const perSecond = await interleave(rounds, {
    topgun: taking('topgun', topgun),
    ...(redis && { redis: taking('redis', redis) }),
  });
  return {
    perSecond,
    cpuUs: { topgun: median(cpu.topgun.slice(1)), redis: redis && median(cpu.redis.slice(1)) },
  };
}

async function writes(results, { smoke, redis }) {
  progress('server: writes acked in memory');
  const operations = smoke ? 6400 : 3_000_000;
  const topgun = await startTopgun(kMemory);
  const other = redis && (await startRedis(['--appendonly', 'no']));
  const { perSecond, cpuUs } = await compare(
    smoke ? 1 : 5,
    () => topgun.load({ operations, batch: 64, inflight: 1, level: 'memory' }),
    other && (() => other.load({ operations, pipeline: 64 })),
  );
  await topgun.stop();
  await other?.stop();

  const name = 'acked writes of 64 B, 50 connections, batches of 64, level memory';
  results.add({
    case: name,
    metric: 'writes',
    value: perSecond.topgun,
    unit: 'operations/s',
    ...(redis && {
      baseline: { name: 'Redis, SET -P 64 -c 50', value: perSecond.redis },
      ratio: perSecond.topgun / perSecond.redis,
      bar: ['>=', 2],
    }),
  });
  results.add({
    case: name,
    metric: 'server CPU',
    value: cpuUs.topgun,
    unit: 'us/operation',
    ...(redis && {
      baseline: { name: 'Redis, SET -P 64 -c 50', value: cpuUs.redis },
      ratio: cpuUs.topgun / cpuUs.redis,
      bar: ['<=', 0.45],
    }),
  });
}

async function durableWrites(results, { smoke, redis, fresh }) {
  progress('server: writes acked when they are on disk');
  const operations = smoke ? 800 : 200_000;
  const topgun = await startTopgun(durable(fresh('topgun')));
  const other = redis && (await startRedis(appendOnly(fresh('redis'))));
  const perSecond = await interleave(smoke ? 1 : 5, {
    // As clients send the writes of a turn, and as redis-benchmark sends a pipeline: in one piece.
    'in one frame': async () => (await topgun.load({ operations, batch: 16, inflight: 1, level: 'local' })).perSecond,
    'in a frame each': async () => (await topgun.load({ operations, batch: 1, inflight: 16, level: 'local' })).perSecond,
    ...(redis && { redis: async () => (await other.load({ operations, pipeline: 16 })).perSecond }),
  });
  await topgun.stop();
  await other?.stop();
  for (const [how, bar] of [['in one frame', ['>=', 3]], ['in a frame each']]) {
    results.add({
      case: 'durable writes of 64 B (fsync before the ack), 50 connections, 16 in flight',
      metric: `writes, the 16 ${how}`,
      value: perSecond[how],
      unit: 'operations/s',
      ...(redis && {
        baseline: { name: 'Redis, appendfsync always', value: perSecond.redis },
        ratio: perSecond[how] / perSecond.redis,
        bar,
      }),
    });
  }
}

/** Both are killed with everything in their logs; a start with an empty folder is subtracted. */
async function restart(results, { smoke, redis, fresh }) {
  progress('server: restart');
  const operations = smoke ? 6400 : 2_000_000;
  const contenders = {
    topgun: { start: startTopgun, options: durable },
    ...(redis && {
      redis: { start: startRedis, options: (folder) => [...appendOnly(folder), '--appendfsync', 'no', '--aof-use-rdb-preamble', 'no'] },
    }),
  };
  for (const [name, contender] of Object.entries(contenders)) {
    contender.folder = fresh(name);
    const server = await contender.start(contender.options(contender.folder));
    await server.load({ operations, batch: 64, inflight: 1, level: 'local', pipeline: 64 });
    await server.stop('SIGKILL');
  }

  const times = await interleave(
    smoke ? 1 : 5,
    Object.fromEntries(
      Object.entries(contenders).map(([name, { start, options, folder }]) => [
        name,
        async () => {
          const empty = await start(options(fresh('empty')));
          await empty.stop('SIGKILL');
          const full = await start(options(folder));
          await full.stop('SIGKILL');
          return Math.max(full.ready_ms - empty.ready_ms, 0.01);
        },
      ]),
    ),
  );
  const ns = (ms) => (ms * 1e6) / operations;
  results.add({
    case: `restart after a kill with ${operations} records in the log`,
    metric: 'time to be ready',
    value: ns(times.topgun),
    unit: 'ns/record',
    ...(redis && {
      baseline: { name: 'Redis loading its AOF', value: ns(times.redis) },
      ratio: times.redis / times.topgun,
      bar: ['>=', 4],
    }),
  });
}

async function idleConnections(results, { smoke, folder }) {
  progress('server: idle connections');
  const connections = smoke ? 100 : 8000;
  const { options, token } = tokens(folder);
  const server = await startTopgun(['--memory', ...options]);
  const bytes = await server.idle(connections, token);
  await server.stop();
  results.add({
    case: `${connections} idle authenticated connections`,
    metric: 'server memory in user space',
    value: bytes / 1024,
    unit: 'KiB/connection',
    bar: ['<=', 2],
  });
}
