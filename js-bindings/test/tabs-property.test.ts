import assert from 'node:assert/strict';
import type { EngineFactory } from '../src/bindings/engine.js';
import { testOnCores } from './support/cores.js';
import { Origin, settle, type FakeTab } from './support/origin.js';
import { Random } from './support/random.js';

// Goal: whatever order messages, transactions, tabs that come and go, deaths of leaders and traps of
// their engines take, no write of a living tab is lost, doubled or reordered, no tab ever sees its own write go back, and in
// the end all tabs agree. Method: tabs write to entries of their own, of which each knows what must be
// there, and to shared ones; steps are drawn from a seed, which a failure names. TOPGUN_TAB_SEEDS=N
// runs more of them, TOPGUN_TAB_SEED=N that one.

const STEPS = 250;
const TABS_MAX = 4;
const only = process.env['TOPGUN_TAB_SEED'];
const seeds = Number(process.env['TOPGUN_TAB_SEEDS'] ?? 60);

/** A tab and what its own entries must hold. */
class Writer {
  count = 0;
  entry: number | undefined;
  readonly elements: string[] = [];
  /** What is stored for certain. */
  storedCount = 0;
  started = false;

  constructor(
    readonly tab: FakeTab,
    readonly name: string,
  ) {}

  get entries() {
    return this.tab.client.getMap<number>('entries');
  }

  get bags() {
    return this.tab.client.getORMap<string>('bags');
  }

  counter(key: string) {
    return this.tab.client.getPNCounter('counters', key);
  }

  write(random: Random): void {
    const value = random.below(1_000_000);
    switch (random.below(7)) {
      case 0:
      case 1:
        this.counter('shared').addAndGet(1);
        this.counter(this.name).addAndGet(1);
        this.count++;
        return;
      case 2:
        this.entries.set(this.name, value);
        this.entry = value;
        return;
      case 3:
        this.entries.delete(this.name);
        this.entry = undefined;
        return;
      case 4:
        this.entries.set('shared', value);
        return;
      case 5:
        this.bags.add(this.name, `e${value}`);
        this.bags.add('shared', `${this.name} e${value}`);
        this.elements.push(`e${value}`);
        return;
      case 6: {
        const [removed] = this.elements.splice(random.below(this.elements.length + 1), 1);
        if (removed === undefined) return;
        assert.equal(this.bags.remove(this.name, removed), 1);
        this.bags.remove('shared', `${this.name} ${removed}`);
      }
    }
  }

  /** Nobody else writes our entries, so that we must always see what we wrote last. */
  check(): void {
    assert.equal(this.counter(this.name).get(), this.count, `${this.name}: counter`);
    assert.equal(this.entries.get(this.name), this.entry, `${this.name}: entry`);
    assert.deepEqual(this.bags.get(this.name).sort(), [...this.elements].sort(), `${this.name}: bag`);
  }
}

/** Everything a tab shows. */
function view({ tab, entries, bags }: Writer): unknown {
  const counters = tab.client.getPNCounter('counters');
  assert.equal(counters.name, 'counters');
  return {
    entries: [...entries].sort(),
    bags: Array.from(bags, ([key, elements]) => [key, [...elements].sort()]).sort(),
    pending: tab.client.pendingOps,
    roots: [entries, bags, counters].map((map) => tab.client.root(map)),
  };
}

class History {
  readonly origin: Origin;
  readonly writers: Writer[] = [];
  private readonly random: Random;

  constructor(factory: EngineFactory, seed: number) {
    this.origin = new Origin(factory);
    this.random = new Random(seed);
  }

  get living(): Writer[] {
    return this.writers.filter(({ tab }) => tab.alive);
  }

  open(): void {
    const writer = new Writer(this.origin.open(), `tab${this.writers.length}`);
    this.writers.push(writer);
    // Opened before the start, so that they are loaded when it has finished.
    writer.entries.size;
    writer.bags.size;
    writer.counter('shared').get();
    void writer.tab.client.start().then(() => {
      writer.started = true;
    });
  }

  async step(): Promise<void> {
    const { random, living } = this;
    const started = living.filter((writer) => writer.started);
    const kind = random.below(100);
    if (living.length === 0 || (kind < 4 && living.length < TABS_MAX)) this.open();
    else if (kind < 7) this.kill(random.pick(living));
    else if (kind < 8 && started.length > 0) this.close(random.pick(started));
    else if (kind < 12 && started.length > 0) this.flush(random.pick(started));
    else if (kind < 13) this.trap();
    else if (kind < 45 && started.length > 0) random.pick(started).write(random);
    else {
      const steps = this.origin.steps();
      if (steps.length > 0) random.pick(steps)();
    }
    // Sometimes several things happen before anything else gets to run.
    if (random.below(4) > 0) await settle();
    for (const writer of this.living) if (writer.started) writer.check();
  }

  private kill({ tab }: Writer): void {
    // Leaders are the interesting ones.
    const holder = this.origin.holder;
    (this.random.below(2) === 0 && holder !== undefined ? holder : tab).kill();
  }

  /** The leader's engine is lost; a tab that loses too many gives up, so it happens once a tab. */
  private trap(): void {
    const { holder } = this.origin;
    if (holder?.client.tabRole === 'leader' && holder.traps === 0) holder.trapNext = true;
  }

  private close(writer: Writer): void {
    writer.started = false;
    const { count, tab } = writer;
    void tab.client.close().then(() => {
      if (tab.alive) writer.storedCount = count;
      tab.alive = false;
    });
  }

  private flush(writer: Writer): void {
    const { count } = writer;
    void writer.tab.client.flush().then(
      () => {
        if (writer.tab.alive) writer.storedCount = Math.max(writer.storedCount, count);
      },
      () => undefined,
    );
  }

  /** A leader may take its time to make an engine. */
  private ready(): boolean {
    const leads = this.living.some(({ tab }) => tab.client.tabRole === 'leader');
    return leads && this.living.every(({ tab, started }) => started && tab.traps === tab.restarts);
  }

  async end(): Promise<void> {
    for (const { tab } of this.writers) tab.trapNext = false;
    // One that has seen nothing of it all.
    this.open();
    for (let tries = 0; tries === 0 || !this.ready(); tries++) {
      assert.ok(tries < 1000, 'nobody leads, or somebody does not find the leader');
      await this.origin.quiesce();
    }
    await this.origin.quiesce();
    const [first, ...others] = this.living;
    const seen = view(first!);
    for (const other of others) assert.deepEqual(view(other), seen, 'tabs that disagree');
    let counted = 0;
    let dead = 0;
    for (const writer of this.writers) {
      if (writer.tab.alive && writer.started) writer.check();
      const count = first!.counter(writer.name).get();
      counted += count;
      assert.ok(count >= writer.storedCount, `${writer.name}: ${count} of ${writer.storedCount} stored`);
      assert.ok(count <= writer.count, `${writer.name}: ${count} of ${writer.count} written`);
      if (!writer.tab.alive) dead++;
      assert.deepEqual(writer.tab.errors, [], `${writer.name}: errors`);
    }
    // A tab that died may have got one of its two increments through.
    const shared = first!.counter('shared').get();
    assert.ok(shared >= counted && shared <= counted + dead, `shared ${shared}, counted ${counted}`);
  }
}

testOnCores('tabs property: no write is lost, doubled or taken back, whatever dies', async (factory) => {
  const first = only === undefined ? 1 : Number(only);
  const last = only === undefined ? seeds : first;
  for (let seed = first; seed <= last; seed++) {
    const history = new History(factory, seed);
    try {
      for (let step = 0; step < STEPS; step++) await history.step();
      await history.end();
    } catch (cause) {
      throw new Error(`TOPGUN_TAB_SEED=${seed}: ${String(cause)}`, { cause });
    }
  }
});
