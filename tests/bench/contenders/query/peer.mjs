// usage: node peer.mjs <file with the data> <records> <full|smoke>
//
// Queries of an application: TopGun's client in WebAssembly and better-sqlite3, over the same orders in one
// process, in turns. Each answer is what the application gets, objects of JavaScript. A JSON line for each case and
// contender, in processor time.

import { readFileSync } from 'node:fs';
import { fnv1a, interleave } from '../../lib/measure.mjs';
import { openSqlite } from './sqlite.mjs';
import { openTopgun } from './topgun.mjs';

const [, , file, count, size] = process.argv;
const kRounds = size === 'smoke' ? 1 : 9;
const kBlockMs = size === 'smoke' ? 1 : 60;

const orders = readFileSync(file, 'utf8').trimEnd().split('\n').slice(0, Number(count)).map((line) => {
  const [id, city, status, customer, zone, age, quantity, amount, created] = JSON.parse(line);
  return { id, city, status, customer, zone, age, quantity, amount, created };
});

/** What this process has used of processors so far, its collector of garbage included. */
function cpuUs() {
  const { user, system } = process.cpuUsage();
  return user + system;
}

/** Processor time of one call of `ask`, which is given 0, 1, 2 and so on. */
async function costOf(ask) {
  const deadline = performance.now() + kBlockMs;
  const start = cpuUs();
  let asked = 0;
  do {
    for (const end = asked + 8; asked < end; asked++) await ask(asked);
  } while (performance.now() < deadline);
  return (cpuUs() - start) / asked;
}

const textOf = (rows) => JSON.stringify(rows.map((row) => Object.values(row)).sort());

async function compare(name, asks, textOfAnswer = textOf) {
  for (const [who, ask] of Object.entries(asks)) {
    let digest = 2166136261;
    for (let i = 0; i < 8; i++) digest = fnv1a(textOfAnswer(await ask(i)), digest);
    asks[who] = { ask, digest };
  }
  const us = await interleave(
    kRounds,
    Object.fromEntries(Object.entries(asks).map(([who, { ask }]) => [who, () => costOf(ask)])),
  );
  for (const [who, { digest }] of Object.entries(asks)) console.log(JSON.stringify({ case: name, who, us: us[who], digest }));
}

const topgun = await openTopgun(orders);
const sqlite = openSqlite(orders);
const keyOf = (i) => orders[(i * 7919) % orders.length].id;
const cityOf = (i) => `city-${i % 1000}`;

await compare(
  'point lookup',
  { 'TopGun': (i) => topgun.order(keyOf(i)), 'better-sqlite3': (i) => sqlite.order(keyOf(i)) },
  (rows) => rows.map(({ id, amount }) => `${id} ${amount}`).join(),
);
await compare('status = x and age > y, count, no index', { 'TopGun': topgun.countOpen, 'better-sqlite3': sqlite.countOpen }, String);
await topgun.index(['status', 'age']);
sqlite.index('status, age');
await compare('status = x and age > y, count, index', { 'TopGun': topgun.countOpen, 'better-sqlite3': sqlite.countOpen }, String);
await topgun.index(['city', '-created']);
sqlite.index('city, created DESC');
await compare(
  'city = x order by created desc limit 20',
  { 'TopGun': (i) => topgun.latest(cityOf(i)), 'better-sqlite3': (i) => sqlite.latest(cityOf(i)) },
  (rows) => rows.map(({ id }) => id).join(),
);
await compare(
  'group by 1,000 cities, count and sum',
  { 'TopGun': topgun.cities, 'better-sqlite3': sqlite.cities },
  (rows) => rows.map(({ city, count, sum }) => `${city} ${count} ${sum}`).sort().join(),
);
await topgun.close();
