import type { EngineKind } from '../bindings/engine.js';
import { MAP_NAME_BYTES_MAX } from '../bindings/commands.js';
import { ErrorCode, TopGunError } from '../errors.js';
import type { Platform } from '../platform/platform.js';
import type { Persistence } from '../storage/adapter.js';
import type { Transport } from '../transport/negotiator.js';
import type { MirroredMap } from './collection.js';
import { Emitter } from './emitter.js';
import type { FlushOptions } from './flush.js';
import { LwwMap } from './lww-map.js';
import type { TopGunClientOptions, TokenSource } from './options.js';
import { OrMap } from './or-map.js';
import { CounterMap, PNCounter } from './pn-counter.js';
import { Session, type TabRole } from './session.js';

/**
 * Where the client stands: `new` before start, `waiting` while another process holds the store (or a
 * tab that does not answer), then `offline`, `connecting` or `online`, and `closed` at the end.
 */
export type ClientStatus = 'new' | 'waiting' | 'offline' | 'connecting' | 'online' | 'closed';

const STATUSES: readonly ClientStatus[] = ['offline', 'connecting', 'online', 'closed'];

/**
 * A write that the server refused. Its effect is undone in the map, and so is that of earlier writes to the same key
 * that had not been sent when it overruled them.
 */
export interface RejectedWrite {
  /** The map, if it is open in this client. */
  readonly map: string | undefined;
  readonly key: string;
  readonly error: TopGunError;
}

/** The events of a client and what each listener receives. */
export interface ClientEvents {
  /** The client went on- or offline, or was closed. */
  status: ClientStatus;
  /** Something failed that no call can report. The client goes on. */
  error: TopGunError;
  /** A write was refused, by the core or by the server. */
  rejected: RejectedWrite;
  /** A map agreed with the server. */
  synced: { readonly map: string };
  /** The server has every write up to here at this level. */
  acked: { readonly level: FlushLevel; readonly sequence: number };
  /** Writes have reached this client's own store, from where `pendingOps` counts them until `acked`. */
  stored: void;
  /** The engine trapped and was replaced; nothing that was written is lost. */
  'engine-restarted': { readonly error: TopGunError };
  /** The server has answered over another transport than before. */
  transport: Transport;
  /** The tab began to follow another one, or to lead. */
  'tab-role': TabRole;
  /**
   * A copy of this replica goes on under its id (a copied browser profile, a restored backup), so
   * this one took a new id. No write is lost or counts twice.
   */
  'replica-replaced': { readonly nodeId: string; readonly former: string };
  /** What the store promises has changed; with the reason, if something failed. */
  persistence: { readonly level: Persistence; readonly error: TopGunError | undefined };
}

/** Levels of acknowledgement: received in the server's memory, or on its disk. */
export type FlushLevel = 'memory' | 'local' | 'replicated' | 'object';

const LEVELS: readonly FlushLevel[] = ['memory', 'local', 'replicated', 'object'];

/**
 * A replica of shared maps: reads and writes are synchronous and local, work offline, and sync in
 * the background.
 *
 * @example
 * ```ts
 * import { TopGunClient } from 'topgun';
 *
 * const client = new TopGunClient();
 * await client.start();
 * const todos = client.getMap<{ title: string; done: boolean }>('todos');
 * const unsubscribe = todos.subscribe((changes) => console.log(changes.length)); // 1
 * todos.set('1', { title: 'Milk', done: false });
 * await client.flush();
 * unsubscribe();
 * await client.close();
 * ```
 */
export class BaseClient {
  /** @internal */
  protected readonly session: Session;
  private readonly emitter = new Emitter<ClientEvents>();
  protected readonly maps = new Map<string, { kind: string; handle: number; map: MirroredMap }>();
  private readonly tokenSource: TokenSource | undefined;
  private currentStatus: ClientStatus = 'new';

  /** @internal Applications use `TopGunClient`, which knows its platform. */
  constructor(options: TopGunClientOptions, platform: Platform) {
    this.tokenSource = options.token;
    this.session = new Session(options, platform, {
      status: (status) => this.setStatus(STATUSES[status] ?? 'offline'),
      error: (error) => this.onError(error),
      rejected: (map, key, error) => this.emitter.emit('rejected', { map, key, error }),
      synced: (map) => this.emitter.emit('synced', { map }),
      acked: (level, sequence) => {
        const name = LEVELS[level - 1];
        if (name !== undefined) this.emitter.emit('acked', { level: name, sequence });
      },
      restarted: (error) => this.emitter.emit('engine-restarted', { error }),
      replaced: (replica, former) => {
        const ids = { nodeId: spellId(replica), former: spellId(former) };
        this.emitter.emit('replica-replaced', ids);
      },
      persistence: (level, error) => this.emitter.emit('persistence', { level, error }),
      transport: (transport) => this.emitter.emit('transport', transport),
      waiting: () => this.setStatus('waiting'),
      role: (role) => this.emitter.emit('tab-role', role),
      stored: () => this.emitter.emit('stored', undefined),
    });
  }

  /** Where the client stands now. */
  get status(): ClientStatus {
    return this.currentStatus;
  }

  /** What the store promises: `durable`, `best-effort` or `memory`. Known after `start`. */
  get persistence(): Persistence {
    return this.session.shared.persistence;
  }

  /** What the server has answered over last; `undefined` before it has answered at all. */
  get transport(): Transport | undefined {
    return this.session.shared.transport;
  }

  /** Writes that the server has not acknowledged yet. */
  get pendingOps(): number {
    return this.session.lastSequence().pending;
  }

  /**
   * The id of this replica, as 16 hexadecimal digits. Known after `start`; `replica-replaced` tells
   * when it changes.
   */
  get nodeId(): string {
    return spellId(this.session.shared.replicaId);
  }

  /** Which build of the core runs: `wasm` or `native`. Known after `start`. */
  get engine(): EngineKind | undefined {
    return this.session.shared.engineKind;
  }

  /**
   * Loads the core and the stored rows, then connects in the background. Resolves when reads see
   * everything that is stored, without waiting for the network. Maps may be opened and written to
   * before; such writes take effect at the start.
   */
  async start(): Promise<void> {
    await this.session.start(await this.fetchToken());
    if (this.currentStatus === 'new' || this.currentStatus === 'waiting') this.setStatus('offline');
  }

  /** The map of this name in which the last write of a key wins. The same object every time. */
  getMap<T>(name: string): LwwMap<T> {
    return this.open('LWW map', name, (handle) => new LwwMap<T>(this.session, handle, name));
  }

  /** The map of this name from keys to bags of elements. The same object every time. */
  getORMap<T>(name: string): OrMap<T> {
    return this.open('OR map', name, (handle) => new OrMap<T>(this.session, handle, name));
  }

  /**
   * A counter. Counters live in maps; one map holds as many as you like, each under its own key, and
   * is synced as a whole.
   */
  getPNCounter(name: string, key = 'value'): PNCounter {
    const counters = this.open('PN counter', name, (handle) =>
      new CounterMap(this.session, handle, name),
    );
    return new PNCounter(counters, key);
  }

  /**
   * Resolves when every write so far is safe: without a level, in this client's own store; with one,
   * acknowledged by the server at that level (`memory`, or `local` for its disk). Rejects with
   * `TimedOut` after `timeoutMs`, and with `Closed` when the client is closed meanwhile.
   */
  flush(options: FlushOptions = {}): Promise<void> {
    if (this.currentStatus === 'closed') {
      return Promise.reject(new TopGunError(ErrorCode.Closed, 'the client was closed'));
    }
    const level = options.level === undefined ? 0 : LEVELS.indexOf(options.level) + 1;
    return this.session.flush(level, options.timeoutMs);
  }

  /**
   * The Merkle root of a map with its record count. Two replicas have equal roots exactly when their
   * states are equal, deletions included.
   */
  root(map: { readonly name: string }): { root: string; count: number } {
    const opened = this.maps.get(map.name);
    if (opened === undefined) throw new TopGunError(ErrorCode.InvalidArgument, 'not a map of ours');
    return this.session.root(opened.handle);
  }

  /** Stays offline until `goOnline`, whatever the network does. */
  goOffline(): void {
    this.session.setOnline(false);
  }

  /** Connects, and reconnects whenever the connection is lost. The state after `start`. */
  goOnline(): void {
    this.session.setOnline(true);
  }

  /** Asks the server for changes now. Over a WebSocket, and where answers are held back, they come by themselves. */
  refresh(): void {
    this.session.refresh();
  }

  /** Replaces the token, before the server finds it expired. */
  setToken(token: string): void {
    this.session.setToken(token);
  }

  /**
   * What this client is among the tabs that share its store: the `leader` holds the store and the
   * connection, a `follower` writes and reads through it. Alone, a client leads. Known after `start`.
   */
  get tabRole(): TabRole | undefined {
    return this.session.role;
  }

  /** Calls `listener` at every event of this name. Returns a function that ends it. */
  on<Name extends keyof ClientEvents>(
    name: Name,
    listener: (argument: ClientEvents[Name]) => void,
  ): () => void {
    return this.emitter.on(name, listener);
  }

  /** Stores what is written, disconnects and frees everything. Unsent writes stay in the store. */
  async close(): Promise<void> {
    await this.session.close();
    this.setStatus('closed');
  }

  private open<M extends MirroredMap>(
    kind: string,
    name: string,
    create: (handle: number) => M,
  ): M {
    const known = this.maps.get(name);
    if (known !== undefined && !known.map.closed) {
      // The kind is stored with the map, so that the cast holds.
      if (known.kind === kind) return known.map as M;
      throw new TopGunError(ErrorCode.TypeMismatch, `${name} is open as ${known.kind}`);
    }
    const size = new TextEncoder().encode(name).length;
    if (size < 1 || size > MAP_NAME_BYTES_MAX) {
      throw new TopGunError(ErrorCode.InvalidArgument, `a map name takes 1 to ${MAP_NAME_BYTES_MAX} bytes`);
    }
    const handle = this.session.handleOf(name);
    const map = create(handle);
    this.maps.set(name, { kind, handle, map });
    this.session.openMap(handle, map);
    return map;
  }

  private setStatus(status: ClientStatus): void {
    if (status === this.currentStatus || this.currentStatus === 'closed') return;
    this.currentStatus = status;
    this.emitter.emit('status', status);
  }

  /** @internal */
  protected reportError(error: TopGunError): void {
    this.emitter.emit('error', error);
  }

  private onError(error: TopGunError): void {
    this.reportError(error);
    // The tab that holds the connection asks for a token on behalf of all.
    if (this.session.role === 'follower') return;
    if (error.code !== ErrorCode.TokenExpired || typeof this.tokenSource !== 'function') return;
    this.fetchToken().then(
      (token) => this.setToken(token),
      (cause: unknown) => {
        const failed = new TopGunError(ErrorCode.Unauthenticated, 'no new token', { cause });
        this.emitter.emit('error', failed);
      },
    );
  }

  private async fetchToken(): Promise<string> {
    if (typeof this.tokenSource === 'function') return this.tokenSource();
    return this.tokenSource ?? '';
  }
}

function spellId(id: bigint): string {
  return id.toString(16).padStart(16, '0');
}
