// What the tabs of one profile do in the proof that they share one replica: each writes to entries of
// its own, of which it knows what must be there, and to entries that all of them write.

export class TabWriter {
  counted = 0;
  written = 0;
  added = 0;

  constructor(client, name) {
    this.client = client;
    this.name = name;
    this.entries = client.getMap('entries');
    this.bags = client.getORMap('bags');
    this.shared = client.getPNCounter('counters', 'shared');
    this.own = client.getPNCounter('counters', name);
  }

  /** Three writes: a step of the shared counter and of our own, an entry, and an element. */
  write() {
    this.shared.increment();
    this.own.increment();
    this.counted++;
    this.entries.set(this.name, { by: this.name, written: ++this.written });
    this.entries.set('shared', { by: this.name, written: this.written });
    this.bags.add('bag', `${this.name}-${++this.added}`);
    this.check();
  }

  /** Nobody else writes our entries: we always see what we wrote last. */
  check() {
    const seen = { counted: this.own.get(), written: this.entries.get(this.name)?.written ?? 0 };
    if (seen.counted !== this.counted || seen.written !== this.written) {
      throw new Error(`${this.name} wrote ${this.counted} and sees ${JSON.stringify(seen)}`);
    }
  }

  /** Writes now and then until `stop`, in bursts, as fast as the page lets it. */
  start(burst = 5) {
    this.running = setInterval(() => {
      for (let i = 0; i < burst; i++) this.write();
    }, 1);
  }

  stop() {
    clearInterval(this.running);
    this.check();
  }

  state() {
    const { client, counted } = this;
    return { role: client.tabRole, status: client.status, pending: client.pendingOps, counted };
  }

  view() {
    return {
      shared: this.shared.get(),
      entries: [...this.entries.entries()].sort(([a], [b]) => (a < b ? -1 : 1)),
      bag: this.bags.get('bag').sort(),
      roots: [this.entries, this.bags, { name: 'counters' }].map((map) => this.client.root(map)),
    };
  }

  /** What each tab counted, as this one sees it. */
  counts(names) {
    return names.map((name) => this.client.getPNCounter('counters', name).get());
  }
}
