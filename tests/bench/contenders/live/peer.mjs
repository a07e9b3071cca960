// usage: node peer.mjs <tanstack|d2mini|tinybase|topgun> <case> <file with the data> <records> <smoke|full>
//
// One case of one peer in a process of its own: what it takes to the first answer, and what a write
// takes, in processor time, as a JSON line. The digest is of the answer after the first writes.

import { readFileSync } from 'node:fs';

const [, , peer, name, file, count, size] = process.argv;
const kPeers = {
  tanstack: async () => (await import('./tanstack.mjs')).TanStack,
  d2mini: async () => (await import('./d2mini.mjs')).D2Mini,
  topgun: async () => (await import('./topgun.mjs')).TopGun,
  tinybase: async () => (await import('./tinybase.mjs')).TinyBase,
};
const kComparedWrites = 200;
const kCustomers = 10_000;
/** Writes go on for so long, or until there are none left. */
const kBudgetMs = size === 'smoke' ? 50 : 3000;

function orderOf(line) {
  const [id, city, status, customer, zone, age, quantity, amount, created] = JSON.parse(line);
  return { id, city, status, customer, zone, age, quantity, amount, created };
}

function customerOf(number, version) {
  return { id: `customer-${number}`, name: `Customer no. ${number}`, tier: (number + version) % 10 };
}

const lines = readFileSync(file, 'utf8').trimEnd().split('\n').map(orderOf);
const records = Number(count);
const orders = new Map(lines.slice(0, records).map((order) => [order.id, order]));
const writes = lines.slice(records);
const customers = new Map(Array.from({ length: kCustomers }, (_, i) => [`customer-${i}`, customerOf(i, 0)]));

const encoder = new TextEncoder();
function digest(texts) {
  let value = 2166136261;
  for (const text of texts) {
    for (const byte of encoder.encode(text)) value = Math.imul(value ^ byte, 16777619);
    value = Math.imul(value ^ 10, 16777619);
  }
  return value >>> 0;
}

const ofRows = (engine) => digest(engine.rows());
const ofGroups = (engine) =>
  digest(engine.groups().sort((a, b) => (a.status < b.status ? -1 : 1)).map((group) => `${group.status}:${group.count}:${group.sum}`));
const ofPairs = (engine) => engine.pairs().reduce((total, { id, customer, tier }) => total + digest([id, customer, `${tier}`]), 0);

const zones = Array.from({ length: 100 }, (_, i) => `delivery-zone-${i}`);
const writeOrder = (engine, i) => engine.write(writes[i]);
const kCases = {
  // What a write costs by itself.
  none: { follow: () => {}, digest: () => 0, write: writeOrder },
  window: { follow: (engine) => engine.followWindow(), digest: ofRows, write: writeOrder },
  latest: { follow: (engine) => engine.followLatest(zones), digest: ofRows, write: writeOrder },
  groups: { follow: (engine) => engine.followGroups(), digest: ofGroups, write: writeOrder },
  sorted: { follow: (engine) => engine.followSorted(), digest: (engine) => engine.rows().length },
  'join-many': { follow: (engine) => engine.followJoin(), digest: ofPairs, write: writeOrder },
  'join-one': {
    follow: (engine) => engine.followJoin(),
    digest: () => 0,
    write: (engine, i) => engine.writeCustomer(customerOf((i * 7919) % kCustomers, i + 1)),
  },
};

/** What this process has used of processors so far, its collector of garbage included. */
function cpuUs() {
  const { user, system } = process.cpuUsage();
  return user + system;
}

const { follow, digest: digestOf, write } = kCases[name];
const Peer = await kPeers[peer]();
const engine = Peer.open ? await Peer.open(orders, customers) : new Peer(orders, customers);
const begin = cpuUs();
follow(engine);
await null;
const firstUs = cpuUs() - begin;

/** CPU of a write, over blocks of so many. */
const kBlock = 20;
const taken = [];
let found = write ? 0 : digestOf(engine);
const deadline = performance.now() + kBudgetMs;
for (let i = 0; write && i + kBlock <= writes.length; i += kBlock) {
  if (i >= kComparedWrites && performance.now() > deadline) break;
  const start = cpuUs();
  for (let at = i; at < i + kBlock; at++) {
    write(engine, at);
    await null;
  }
  taken.push((cpuUs() - start) / kBlock);
  if (i + kBlock === kComparedWrites) found = digestOf(engine);
}
taken.sort((a, b) => a - b);
console.log(JSON.stringify({ firstUs, writeUs: taken[taken.length >> 1] ?? 0, digest: found }));
