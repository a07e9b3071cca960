import { EngineTrapped, type Engine, type EngineFactory } from '../../src/bindings/engine.js';
import { ErrorCode, TopGunError } from '../../src/errors.js';
import type { TopGunClientOptions } from '../../src/client/options.js';
import { QueryClient } from '../../src/query/client.js';
import type { SocketFactory } from '../../src/transport/socket.js';
import type { StorageAdapter, StorageEvents, StorageTransaction } from '../../src/storage/adapter.js';
import type { TabChannel } from '../../src/tabs/channel.js';
import type { TabMessage } from '../../src/tabs/messages.js';
import { FakeNetwork } from './clients.js';

/** Lets everything run that waits for nothing outside. */
export function settle(): Promise<void> {
  return new Promise((done) => setImmediate(done));
}

/** A message on its way to one tab. */
interface Letter {
  readonly to: FakeTab;
  readonly message: TabMessage;
}

/**
 * An origin of a browser in this process: a store, its lock, and the channel of its tabs. Nothing is
 * delivered and nothing stored until the test says so, and a tab can die between any two steps.
 */
export class Origin {
  readonly rows = new Map<string, Uint8Array>();
  readonly tabs: FakeTab[] = [];
  holder: FakeTab | undefined;
  readonly queue: { tab: FakeTab; grant: () => void }[] = [];

  /** With `connect` its tabs are on that network, not each on one of its own. */
  constructor(
    private readonly factory: EngineFactory,
    readonly connect?: SocketFactory,
  ) {}

  open(options: TopGunClientOptions = {}): FakeTab {
    const tab = new FakeTab(this, this.factory, options);
    this.tabs.push(tab);
    return tab;
  }

  get living(): FakeTab[] {
    return this.tabs.filter(({ alive }) => alive);
  }

  /** Hands the lock to the next in line. */
  release(tab: FakeTab): void {
    const waiting = this.queue.findIndex((each) => each.tab === tab);
    if (waiting >= 0) this.queue.splice(waiting, 1);
    if (this.holder !== tab) return;
    const next = this.queue.shift();
    this.holder = next?.tab;
    next?.grant();
  }

  /**
   * Everything that can be delivered or stored now, as steps that a test may take in any order. What
   * a tab posted arrives even if it has died since.
   */
  steps(): (() => void)[] {
    return this.tabs.flatMap((tab) => [
      ...tab.outboxes().map((letters) => () => deliver(letters)),
      ...(tab.alive && tab.transactions.length > 0 ? [() => tab.finishTransaction()] : []),
    ]);
  }

  /** Delivers and stores until nobody has anything to say. */
  async quiesce(): Promise<void> {
    for (;;) {
      await settle();
      const steps = this.steps();
      if (steps.length === 0) return;
      for (const step of steps) step();
    }
  }
}

function deliver(letters: Letter[]): void {
  const letter = letters.shift();
  if (letter?.to.alive === true) letter.to.listener?.(structuredClone(letter.message));
}

/** One tab with one client. */
export class FakeTab {
  readonly client: QueryClient;
  readonly network = new FakeNetwork();
  readonly errors: Error[] = [];
  alive = true;
  listener: ((message: TabMessage) => void) | undefined;
  readonly transactions: { apply: () => void; done: (error?: TopGunError) => void }[] = [];
  /** The next call of the engine traps. */
  trapNext = false;
  traps = 0;
  restarts = 0;
  private readonly letters = new Map<FakeTab, Letter[]>();
  private readonly mourners: (() => void)[] = [];
  private names = new Set<string>();

  constructor(
    private readonly origin: Origin,
    factory: EngineFactory,
    options: TopGunClientOptions,
  ) {
    this.client = new QueryClient(
      { storage: this.storage(), ...options },
      {
        loadEngine: async () => this.trapping(factory),
        defaultStorage: () => this.storage(),
        connect: origin.connect ?? this.network.connect,
        onConnectivity: () => () => undefined,
        tabChannel: () => this.channel(),
      },
    );
    this.client.on('error', (error) => this.errors.push(error));
    this.client.on('engine-restarted', () => this.restarts++);
  }

  /** The process of the tab is gone, with what it had not handed out. */
  kill(): void {
    this.alive = false;
    this.leave();
    this.origin.release(this);
  }

  /** Letters of this tab by receiver; each list keeps its order. */
  outboxes(): Letter[][] {
    return [...this.letters.values()].filter((letters) => letters.length > 0);
  }

  finishTransaction(): void {
    const transaction = this.transactions.shift();
    transaction?.apply();
    transaction?.done();
  }

  failTransaction(): void {
    this.transactions.shift()?.done(new TopGunError(ErrorCode.StorageFull));
  }

  private trapping(factory: EngineFactory): EngineFactory {
    const create = async (): Promise<Engine> => {
      const engine = await factory.create();
      return {
        exec: (request) => {
          if (!this.trapNext) return engine.exec(request);
          this.trapNext = false;
          this.traps++;
          throw new EngineTrapped('staged');
        },
        poll: () => engine.poll(),
        close: () => engine.close(),
      };
    };
    return { kind: factory.kind, create };
  }

  private leave(): void {
    this.listener = undefined;
    for (const mourn of this.mourners.splice(0)) mourn();
  }

  private channel(): TabChannel {
    return {
      post: (message) => {
        if (!this.alive) return;
        for (const to of this.origin.living) {
          if (to === this) continue;
          const letters = this.letters.get(to) ?? [];
          this.letters.set(to, letters);
          letters.push({ to, message: structuredClone(message) });
        }
      },
      listen: (listener) => {
        this.listener = listener;
      },
      appear: async (name) => {
        this.names.add(name);
      },
      whenGone: (name, listener) => {
        const tab = this.origin.tabs.find(({ names }) => names.has(name));
        if (tab === undefined || !tab.alive) listener();
        else tab.mourners.push(() => this.alive && listener());
      },
      close: () => this.leave(),
    };
  }

  private storage(): StorageAdapter {
    const { origin } = this;
    return {
      lockName: 'origin',
      open: async (events: StorageEvents) => {
        if (origin.holder === undefined) origin.holder = this;
        else {
          events.waiting();
          await new Promise<void>((grant) => origin.queue.push({ tab: this, grant }));
        }
        return 'best-effort';
      },
      load: async () => Array.from(origin.rows, ([key, value]) => ({ key, value })),
      transact: ({ puts, deletes }: StorageTransaction) =>
        new Promise((stored, failed) => {
          const done = (error?: TopGunError): void => (error === undefined ? stored() : failed(error));
          const apply = (): void => {
            for (const { key, value } of puts) origin.rows.set(key, value);
            for (const key of deletes) origin.rows.delete(key);
          };
          this.transactions.push({ apply, done });
        }),
      close: async () => origin.release(this),
    };
  }
}
