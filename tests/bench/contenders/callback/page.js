// From a write to the callback of a query that it changes: 100 queries, each the 50 latest orders of
// a zone, and writes that make an order the latest of its own.

import { open } from './NAME.js';

const kZones = 100;
const kPatienceMs = 10_000;

function orderOf(number, created) {
  return {
    id: `order-${number}`,
    zone: `zone-${number % kZones}`,
    city: `city-${number % 1000}`,
    status: ['open', 'paid', 'sent', 'done', 'gone'][number % 5],
    quantity: number % 50,
    created,
  };
}

/** The order that write `i` makes the latest of its zone: the oldest one, so that the zone's list changes. */
function oldest(i, records) {
  return ((i * 37) % kZones) + kZones * (Math.floor(i / kZones) % (records / kZones));
}

/** A turn of the page's own, with nothing left to do of the one before. */
function nextTurn() {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => resolve(port1.close());
    port2.postMessage(null);
  });
}

export async function measure(records, writes) {
  let heard = () => {};
  const zones = Array.from({ length: kZones }, (_, i) => `zone-${i}`);
  const orders = Array.from({ length: records }, (_, i) => orderOf(i, i));
  const contender = await open(orders, zones, () => heard());
  await nextTurn();
  const taken = [];
  for (let i = 0; i < writes; i++) {
    const told = new Promise((resolve, reject) => {
      const impatience = setTimeout(() => reject(new Error(`nobody was told of write ${i}`)), kPatienceMs);
      heard = () => {
        resolve(performance.now());
        clearTimeout(impatience);
      };
    });
    const order = orderOf(oldest(i, records), records + i);
    const begin = performance.now();
    contender.write(order);
    taken.push(1000 * ((await told) - begin));
    await nextTurn();
  }
  return { us: taken, rows: contender.rows() };
}
