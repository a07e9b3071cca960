import type { TransportFact, TransportFacts } from './exchanges.js';

/** Where the memory is kept between starts, such as `localStorage`. It may fail at any time. */
export interface TextStore {
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
}

const MINUTE = 60_000;

/** Networks change, and so do the proxies in between: nothing is believed for long. */
const LIFETIMES: Readonly<Record<TransportFact, number>> = {
  websocket: 7 * 24 * 60 * MINUTE,
  http: 60 * MINUTE,
  'no-stream': 60 * MINUTE,
  'no-wait': 10 * MINUTE,
  'no-gzip': 60 * MINUTE,
};

const memories = new Map<string, TransportMemory>();

/** What is known about the way to `url`; shared by all clients of this process. */
export function memoryOf(url: string, store?: TextStore): TransportMemory {
  let memory = memories.get(url);
  if (memory === undefined) memories.set(url, (memory = new TransportMemory(url, store)));
  return memory;
}

/** Facts about the way to one server, each with the time at which it is forgotten. */
export class TransportMemory implements TransportFacts {
  private readonly key: string;
  private readonly store: TextStore | undefined;
  private readonly now: () => number;
  private ends: Partial<Record<TransportFact, number>> = {};

  constructor(url: string, store?: TextStore, now = Date.now) {
    this.key = `topgun:transport:${url}`;
    this.store = store;
    this.now = now;
    try {
      const stored: unknown = JSON.parse(store?.getItem(this.key) ?? '{}');
      if (typeof stored === 'object' && stored !== null) this.ends = stored;
    } catch {
      // Nothing is known, then.
    }
  }

  knows(fact: TransportFact): boolean {
    const left = (this.ends[fact] ?? 0) - this.now();
    // A clock that was set back would make a fact last for years.
    return left > 0 && left <= LIFETIMES[fact];
  }

  learn(fact: TransportFact): void {
    this.ends[fact] = this.now() + LIFETIMES[fact];
    this.save();
  }

  forget(fact: TransportFact): void {
    if (this.ends[fact] === undefined) return;
    delete this.ends[fact];
    this.save();
  }

  private save(): void {
    try {
      this.store?.setItem(this.key, JSON.stringify(this.ends));
    } catch {
      // It is found out again next time.
    }
  }
}
