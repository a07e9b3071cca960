// Clients that write and keep account of what they were promised, in a thread of their own: one build of the core
// a thread (`TOPGUN_CORE` in its environment). The main thread asks by messages:
//
//   stop     no more writes          → stopped
//   promised                         → what was acknowledged as `local` so far, a client each
//   settle   all writes acknowledged → what was written in all, a client each
//   agree    roots                   → when every client has these roots
//   close                            → when all clients are closed

import { parentPort, workerData } from 'node:worker_threads';

import { TopGunClient } from 'topgun';

import { Draws } from '../../support/draws.mjs';

const kWriteEveryMs = 5;
const kKeys = 60;
const kPatienceMs = 40_000;

class LedgerClient {
  constructor({ name, url }, seed) {
    this.name = name;
    this.draws = new Draws(seed, `writes of ${name}`);
    this.client = new TopGunClient({ serverUrl: url });
    this.values = this.client.getMap('values');
    this.bags = this.client.getORMap('bags');
    this.counter = this.client.getPNCounter('counters', 'total');
    this.problems = [];
    this.client.on('rejected', ({ key, error }) => this.problems.push(`${key} rejected: ${error.codeName}`));
    /** What this client has written: its keys, the elements it has in the bag, the steps it counted. */
    this.written = { values: {}, elements: [], steps: 0 };
    this.promised = structuredClone(this.written);
    this.writes = 0;
  }

  write() {
    const number = ++this.writes;
    const what = this.draws.below(10);
    if (what < 6) {
      const key = `${this.name}-${this.draws.below(kKeys)}`;
      this.values.set(key, number);
      this.written.values[key] = number;
    } else if (what === 6) {
      this.values.set('contended', `${this.name} ${number}`);
    } else if (what === 7) {
      const element = `${this.name}-${number}`;
      this.bags.add('bag', element);
      this.written.elements.push(element);
    } else if (what === 8 && this.written.elements.length > 3) {
      const [element] = this.written.elements.splice(this.draws.below(this.written.elements.length), 1);
      this.bags.remove('bag', element);
    } else {
      const step = this.draws.between(1, 5);
      this.counter.addAndGet(step);
      this.written.steps += step;
    }
    // The account of this very moment holds once everything up to here is acknowledged.
    if (number % 10 === 0) {
      const now = structuredClone(this.written);
      now.number = number;
      this.client.flush({ level: 'local' }).then(() => (this.promised = now), () => {});
    }
  }

  async settle() {
    try {
      await this.client.flush({ level: 'local', timeoutMs: kPatienceMs });
    } catch (cause) {
      const { status, pendingOps } = this.client;
      throw new Error(`${this.name} is ${status} with ${pendingOps} of ${this.writes} writes pending`, { cause });
    }
  }

  roots() {
    return [this.values, this.bags, { name: 'counters' }].map((map) => this.client.root(map).root).join(' ');
  }

  /** Resolves when the roots are these; fails after a while. */
  agree(roots) {
    return new Promise((resolve, reject) => {
      const stops = [];
      const end = (settle) => {
        clearTimeout(timer);
        for (const stop of stops) stop();
        settle();
      };
      const look = () => this.roots() === roots && end(resolve);
      const timer = setTimeout(() => {
        end(() => reject(new Error(`${this.name} is ${this.client.status} and has ${this.roots()}, not ${roots}`)));
      }, kPatienceMs);
      // A listener is called before a following one has seen the change: look when all are through.
      const soon = () => queueMicrotask(look);
      stops.push(this.client.on('synced', soon), this.values.subscribe(soon), this.bags.subscribe(soon));
      stops.push(this.counter.subscribe(soon));
      look();
    });
  }
}

const clients = workerData.clients.map((each) => new LedgerClient(each, workerData.seed));
await Promise.all(clients.map(({ client }) => client.start()));
const timer = setInterval(() => clients.forEach((each) => each.write()), kWriteEveryMs);

const answers = {
  stop: () => clearInterval(timer),
  promised: () => clients.map(({ name, promised }) => ({ name, ...promised })),
  settle: async () => {
    await Promise.all(clients.map((each) => each.settle()));
    return clients.map(({ name, written, writes, problems, client }) => ({
      name, ...written, writes, problems, engine: client.engine,
    }));
  },
  agree: (roots) => Promise.all(clients.map((each) => each.agree(roots))).then(() => undefined),
  close: async () => {
    await Promise.all(clients.map(({ client }) => client.close()));
  },
};

parentPort.on('message', async ({ id, request, argument }) => {
  try {
    parentPort.postMessage({ id, answer: await answers[request](argument) });
  } catch (error) {
    parentPort.postMessage({ id, problem: error.message });
  }
});
