// Sync over HTTP against the same server's WebSocket and its cheapest answer, in turns.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startTopgun } from '../contenders/servers.mjs';
import { interleave, median } from '../lib/measure.mjs';
import { findProgram, root } from '../lib/paths.mjs';
import { cpuSeconds, outputOf } from '../lib/processes.mjs';
import { progress } from '../lib/results.mjs';
import { measureEdge } from './http_edge.mjs';

const kMemory = ['--memory', '--no-auth'];
const kMap = 'notes';

export async function run(results, { smoke }) {
  const server = await startTopgun(kMemory);
  mkdirSync(join(root, 'build'), { recursive: true });
  const folder = mkdtempSync(join(root, 'build/bench-http-'));
  try {
    await writes(results, { smoke, server });
    await emptySync(results, { smoke, server, folder });
    await visibility(results, { smoke, server });
    await measureEdge(results, { smoke, server });
  } finally {
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function writes(results, { smoke, server }) {
  progress('http: writes acked over HTTP and over WebSockets');
  const operations = smoke ? 6400 : 2_000_000;
  const over = (transport) => async () =>
    (await server.load({ operations, batch: 64, inflight: 1, level: 'memory', transport })).perSecond;
  const perSecond = await interleave(smoke ? 1 : 5, { http: over('http'), websocket: over('websocket') });
  results.add({
    case: 'acked writes of 64 B, 50 connections, batches of 64, level memory',
    metric: 'POST /sync',
    value: perSecond.http,
    unit: 'operations/s',
    baseline: { name: 'the same over WebSockets', value: perSecond.websocket },
    ratio: perSecond.http / perSecond.websocket,
    bar: ['>=', 0.7],
  });
}

async function emptySync(results, { smoke, server, folder }) {
  progress('http: a sync without news');
  const request = await emptyRequest(server.port);
  const answer = await post(server.port, request);
  for (const [metric, bytes] of [['body of the request', request.length], ['body of the answer', answer.length]]) {
    results.add({ case: 'a sync of one map without news', metric, value: bytes, unit: 'bytes', bar: ['<=', 200] });
  }
  if (!findProgram('wrk')) return progress('http: wrk is not installed; the server CPU of an empty sync is left out');

  const scripts = { health: join(folder, 'health.lua'), sync: join(folder, 'sync.lua') };
  writeFileSync(scripts.health, 'wrk.path = "/healthz"\n');
  writeFileSync(scripts.sync, luaPost(request));
  const cpu = { health: [], sync: [] };
  const seconds = smoke ? 1 : 4;
  const perSecond = await interleave(
    smoke ? 1 : 5,
    Object.fromEntries(Object.entries(scripts).map(([name, script]) => [name, async () => {
      const before = cpuSeconds(server.pid);
      const text = await outputOf(['wrk', '-t1', '-c50', `-d${seconds}s`, '-s', script, `http://127.0.0.1:${server.port}`]);
      const [, requests] = text.match(/(\d+) requests in/) ?? [];
      if (!requests || /Non-2xx|Socket errors/.test(text)) throw new Error(`wrk said ${text}`);
      cpu[name].push(((cpuSeconds(server.pid) - before) * 1e6) / Number(requests));
      return Number(requests) / seconds;
    }])),
  );
  const cpuUs = { health: median(cpu.health.slice(1)), sync: median(cpu.sync.slice(1)) };
  const baseline = 'GET /healthz';
  results.add({
    case: 'a sync of one map without news, 50 connections', metric: 'server CPU', value: cpuUs.sync, unit: 'us/request',
    baseline: { name: baseline, value: cpuUs.health }, ratio: cpuUs.sync / cpuUs.health, bar: ['<=', 2],
  });
  results.add({
    case: 'a sync of one map without news, 50 connections', metric: 'requests', value: perSecond.sync, unit: 'requests/s',
    baseline: { name: baseline, value: perSecond.health }, ratio: perSecond.sync / perSecond.health,
  });
}

async function visibility(results, { smoke, server }) {
  progress('http: how soon a change is there at a second client');
  const changes = smoke ? 20 : 500;
  const p50 = await interleave(
    smoke ? 1 : 5,
    Object.fromEntries(['websocket', 'long-poll', 'stream'].map((reader) => [reader, async () =>
      (await server.visibility({ reader, changes })).latency_us.p50])),
  );
  for (const [reader, name] of [['long-poll', 'a long poll'], ['stream', 'a stream of events']]) {
    results.add({
      case: 'a change of one client is there at another, on loopback',
      metric: `p50 with ${name}`,
      value: p50[reader],
      unit: 'us',
      baseline: { name: 'a WebSocket', value: p50.websocket },
      ratio: p50[reader] / p50.websocket,
      bar: ['<=', 2],
    });
  }
}

async function post(port, body, headers = { 'content-type': 'application/x-topgun' }) {
  const response = await fetch(`http://127.0.0.1:${port}/sync`, { method: 'POST', headers, body });
  const bytes = Buffer.from(await response.arrayBuffer());
  if (!response.ok) throw new Error(`/sync answered ${response.status}: ${bytes}`);
  return bytes;
}

/** The frame of a client that has one map and is in step: what it would send to ask for news. */
async function emptyRequest(port) {
  const json = { 'content-type': 'application/json' };
  const first = JSON.parse(await post(port, JSON.stringify([{ message: 'subscribe', map: kMap }]), json));
  const synced = first.find(({ message }) => message === 'synced');
  const cursor = Buffer.from(synced.cursor, 'base64url');
  const mapRoot = Buffer.from(synced.root, 'base64url');
  const instance = Buffer.alloc(8, 7);
  const replica = Buffer.alloc(8, 9);
  const history = [3, 1, ...varint(70_000), 0];
  const hello = message(1, Buffer.from('TGN1'), [1, 1], replica, instance, history, u64(Date.now()), [0]);
  const exchange = message(12, [0, 0, 1]);
  const subscribe = message(3, [1, 1, kMap.length], Buffer.from(kMap), [cursor.length], cursor, u64(Date.now()), mapRoot, [0]);
  return Buffer.concat([hello, exchange, subscribe]);
}

function message(kind, ...parts) {
  const payload = Buffer.concat(parts.map((part) => Buffer.from(part)));
  return Buffer.concat([Buffer.from(varint(payload.length + 1)), Buffer.from([kind]), payload]);
}

function varint(value) {
  const bytes = [];
  for (; value >= 0x80; value = Math.floor(value / 128)) bytes.push((value % 128) | 0x80);
  return [...bytes, value];
}

function u64(value) {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
}

/** A script for wrk that posts these bytes. */
function luaPost(body) {
  const text = [...body].map((byte) => `\\${String(byte).padStart(3, '0')}`).join('');
  return `wrk.method = "POST"\nwrk.path = "/sync"\nwrk.headers["Content-Type"] = "application/x-topgun"\nwrk.body = "${text}"\n`;
}
