// What goes wrong on the way of each client, and when: drawn from a seed before anything starts, so that a
// failure can be described and met again.

import { Draws } from '../../support/draws.mjs';

/** `begin(relay, fault)` makes it so; the relay is healed when the fault is over. */
const kKinds = {
  delay: {
    draw: (draws) => ({ delayMs: draws.between(5, 150), jitterMs: draws.between(1, 100) }),
    begin: (relay, { delayMs, jitterMs }) => relay.set({ delayMs, jitterMs }),
  },
  slow: {
    draw: (draws) => ({ bytesPerSecond: draws.between(4, 64) * 1024 }),
    begin: (relay, { bytesPerSecond }) => relay.set({ bytesPerSecond }),
  },
  pieces: {
    draw: (draws) => ({ pieceBytesMax: draws.between(1, 9) }),
    begin: (relay, { pieceBytesMax }) => relay.set({ pieceBytesMax }),
  },
  'one way, to the server': {
    begin: (relay) => relay.set({ held: true }, [relay.up]),
  },
  'one way, from the server': {
    begin: (relay) => relay.set({ held: true }, [relay.down]),
  },
  'black hole': {
    begin: (relay) => relay.set({ held: true }),
  },
  reset: {
    begin: (relay) => relay.reset(),
  },
  refused: {
    begin: (relay) => {
      relay.refuses = true;
      relay.reset();
    },
  },
  'half open': {
    begin: (relay) => relay.forgetClients(),
  },
};

/**
 * Faults of one client's way, one after the other with pauses between: `[{kind, atMs, forMs, ...}]`, all over
 * after `lengthMs`.
 */
export function drawFaults(seed, client, lengthMs) {
  const draws = new Draws(seed, `faults of ${client}`);
  const faults = [];
  for (let atMs = draws.between(100, 800); ; ) {
    const kind = draws.pick(Object.keys(kKinds));
    const forMs = draws.between(100, 1500);
    if (atMs + forMs > lengthMs) return faults;
    faults.push({ kind, atMs, forMs, ...kKinds[kind].draw?.(draws) });
    atMs += forMs + draws.between(100, 700);
  }
}

/** Lets the faults happen. Resolves when all are over. */
export async function sufferFaults(relay, faults) {
  const start = performance.now();
  const until = (ms) => new Promise((resolve) => setTimeout(resolve, start + ms - performance.now()));
  for (const fault of faults) {
    await until(fault.atMs);
    kKinds[fault.kind].begin(relay, fault);
    await until(fault.atMs + fault.forMs);
    relay.heal();
  }
}

export function describeFaults(faults) {
  return faults.map(({ kind, atMs, forMs, ...rest }) => {
    const details = Object.entries(rest).map(([name, value]) => ` ${name}=${value}`).join('');
    return `  ${atMs} ms: ${kind} for ${forMs} ms${details}`;
  }).join('\n');
}
