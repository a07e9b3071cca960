// Goal: whatever the network does, nothing that was acknowledged is lost, and all replicas agree once it
// is well. Method: a real server, clients with both builds of the core, and for each client a relay that
// brings delay, slow lines, odd pieces, one-way partitions, black holes, resets and half-open connections
// over it, drawn from a seed. The server is killed in the middle of it.
//
//   TOPGUN_NETWORK_SEED=7 TOPGUN_NETWORK_SECONDS=60 node --test tests/server/network

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { describe, test } from 'node:test';

import { TopGunClient } from 'topgun';

import { fromRoot, temporaryFolder } from '../../support/paths.mjs';
import { Relay } from '../../support/relay.mjs';
import { ServerProcess } from '../../support/server.mjs';
import { LedgerClients } from './clients.mjs';
import { describeFaults, drawFaults, sufferFaults } from './faults.mjs';

const seed = Number(process.env.TOPGUN_NETWORK_SEED ?? 1);
const lengthMs = Number(process.env.TOPGUN_NETWORK_SECONDS ?? 10) * 1000;
const kClientsPerCore = 3;

/** Listens before it is too late; resolves at the next event that `is` accepts. */
function next(client, event, is = () => true) {
  return new Promise((resolve) => {
    const stop = client.on(event, (value) => {
      if (!is(value)) return;
      stop();
      resolve(value);
    });
  });
}

async function readerOf(t, url) {
  const client = new TopGunClient({ serverUrl: url });
  t.after(() => client.close());
  const maps = { values: client.getMap('values'), bags: client.getORMap('bags') };
  const counter = client.getPNCounter('counters', 'total');
  const left = new Set(['values', 'bags', 'counters']);
  const synced = next(client, 'synced', ({ map }) => left.delete(map) && left.size === 0);
  await client.start();
  await synced;
  const roots = ['values', 'bags', 'counters'].map((name) => client.root({ name }).root).join(' ');
  return { values: maps.values, elements: new Set(maps.bags.get('bag')), total: counter.get(), roots };
}

function sum(numbers) {
  return numbers.reduce((total, each) => total + each, 0);
}

/** What the server found at its restart, beside what was promised before. */
function checkPromises(found, promised) {
  for (const { name, values, steps } of promised) {
    for (const [key, number] of Object.entries(values)) {
      const stored = found.values.get(key) ?? 0;
      assert.ok(stored >= number, `${name}: ${key} is ${stored}, but write ${number} was acknowledged`);
    }
    assert.ok(steps >= 0);
  }
  const steps = sum(promised.map((each) => each.steps));
  assert.ok(found.total >= steps, `the counter is ${found.total}, but ${steps} was acknowledged`);
  // An element may have been removed since; whoever removed it will not have it in the end.
  return promised.flatMap(({ elements }) => elements).filter((element) => !found.elements.has(element));
}

describe('bad network', { concurrency: true }, () => {
  test('nothing acknowledged is lost, and all replicas agree in the end', { timeout: 180_000 }, async (t) => {
    const dataDir = await temporaryFolder(t);
    let server = await ServerProcess.start({ dataDir, args: ['--checkpoint-interval-ms', '60000'] });
    t.after(() => server.kill());
    const ways = [];
    for (const core of ['native', 'wasm']) {
      for (let i = 1; i <= kClientsPerCore; i++) {
        const name = `${core}${i}`;
        const relay = await Relay.start({ port: server.port, seed: seed + ways.length });
        t.after(() => relay.close());
        ways.push({ name, core, relay, faults: drawFaults(seed, name, lengthMs) });
      }
    }
    const groups = ['native', 'wasm'].map((core) => {
      const clients = ways.filter((way) => way.core === core).map(({ name, relay }) => ({ name, url: relay.url }));
      return new LedgerClients(core, seed, clients);
    });
    t.after(() => Promise.all(groups.map((group) => group.terminate())));
    const ask = async (request, argument) =>
      (await Promise.all(groups.map((group) => group.ask(request, argument)))).flat();

    try {
      const suffering = Promise.all(ways.map(({ relay, faults }) => sufferFaults(relay, faults)));
      await new Promise((resolve) => setTimeout(resolve, lengthMs * 0.4));
      const promised = await ask('promised');
      await server.kill();
      // Clients would bring back what the server lost: it is looked at before they come.
      for (const { relay } of ways) relay.isShut = true;
      server = await ServerProcess.start({ dataDir, port: server.port });
      const missing = checkPromises(await readerOf(t, server.url), promised);
      for (const { relay } of ways) relay.isShut = false;
      await suffering;

      await ask('stop');
      const written = await ask('settle');
      const found = await readerOf(t, server.url);
      for (const { name, values, problems } of written) {
        assert.deepEqual(problems, [], name);
        for (const [key, number] of Object.entries(values)) assert.equal(found.values.get(key), number, key);
      }
      const elements = written.flatMap((each) => each.elements).sort();
      assert.deepEqual([...found.elements].sort(), elements);
      assert.deepEqual(missing.filter((element) => found.elements.has(element)), [], 'gone after the restart');
      assert.equal(found.total, sum(written.map(({ steps }) => steps)), 'the counter');
      assert.deepEqual([...new Set(written.map(({ engine }) => engine))], ['native', 'wasm']);
      assert.ok(promised.some(({ number }) => number > 0), 'something was acknowledged before the kill');
      await ask('agree', found.roots);
      const writes = sum(written.map((each) => each.writes));
      const connections = sum(ways.map(({ relay }) => relay.accepted));
      const faults = sum(ways.map((way) => way.faults.length));
      t.diagnostic(`${writes} writes over ${connections} connections, ${faults} faults, seed ${seed}`);
      await ask('close');
    } catch (error) {
      const plan = ways.map(({ name, faults }) => `${name}\n${describeFaults(faults)}`).join('\n');
      error.message += `\nTOPGUN_NETWORK_SEED=${seed}\n${plan}\nserver:\n${server.log}`;
      throw error;
    }
  });

  test('a connection that died in silence is given up and replaced', { timeout: 90_000 }, async (t) => {
    const server = await ServerProcess.start();
    t.after(() => server.kill());
    // One way loses its server without a word, the other all bytes in both directions.
    const breaks = [(relay) => relay.forgetClients(), (relay) => relay.set({ held: true })];
    await Promise.all(breaks.map(async (breakIt, i) => {
      const relay = await Relay.start({ port: server.port, seed: i });
      t.after(() => relay.close());
      const client = new TopGunClient({ serverUrl: relay.url });
      t.after(() => client.close());
      const map = client.getMap('silence');
      const online = next(client, 'status', (status) => status === 'online');
      await client.start();
      await online;
      const lost = next(client, 'status', (status) => status !== 'online');
      breakIt(relay);
      map.set(`way ${i}`, 'written into the silence');
      const started = performance.now();
      await lost;
      const ms = performance.now() - started;
      assert.ok(ms > 10_000 && ms < 45_000, `the connection was given up after ${ms | 0} ms`);
      // The next connection finds a network that works.
      relay.set({ held: false });
      await client.flush({ level: 'memory', timeoutMs: 40_000 });
      assert.equal(client.pendingOps, 0);
    }));
  });

  test('a client that does not read costs the server no memory', { timeout: 120_000 }, async (t) => {
    const load = ['build/release/tests/topgun-load', 'build/dev/tests/topgun-load'].map(fromRoot).find(existsSync);
    assert.ok(load, 'no topgun-load; build it');
    const server = await ServerProcess.start({ args: ['--shards', '1'] });
    t.after(() => server.kill());
    const relay = await Relay.start({ port: server.port, seed });
    t.after(() => relay.close());
    const client = new TopGunClient({ serverUrl: relay.url });
    t.after(() => client.close());
    const map = client.getMap('bench');
    const synced = next(client, 'synced');
    await client.start();
    await synced;

    const write = async (operations) => {
      const child = spawn(load, [
        '--port', String(server.port), '--connections', '2', '--batch', '16', '--inflight', '256', '--map', 'bench',
        '--keys', '200', '--value-bytes', '4096', '--operations', String(operations),
      ], { stdio: ['ignore', 'pipe', 'pipe'] });
      let output = '';
      for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += chunk));
      const [code] = await once(child, 'exit');
      assert.equal(code, 0, output);
    };
    const residentMiB = async () => {
      const status = await readFile(`/proc/${server.pid}/status`, 'utf8');
      return Number(/VmRSS:\s+(\d+) kB/.exec(status)[1]) / 1024;
    };

    await write(2_000);
    const before = await residentMiB();
    relay.set({ held: true }, [relay.down]);
    await write(40_000); // 160 MiB go by the client that does not read.
    const during = await residentMiB();
    t.diagnostic(`resident: ${before | 0} MiB before, ${during | 0} MiB with 160 MiB unread`);
    assert.ok(during - before < 48, `the server grew by ${(during - before) | 0} MiB`);

    relay.heal();
    const reader = new TopGunClient({ serverUrl: server.url });
    t.after(() => reader.close());
    const readerSynced = next(reader, 'synced');
    const theirs = reader.getMap('bench');
    await reader.start();
    await readerSynced;
    const { root } = reader.root(theirs);
    await new Promise((resolve) => {
      const look = () => client.root(map).root === root && resolve();
      t.after(map.subscribe(() => queueMicrotask(look)));
      t.after(client.on('synced', look));
      look();
    });
  });
});
