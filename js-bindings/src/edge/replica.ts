import {
  Command,
  MAP_NAME_BYTES_MAX,
  Stores,
  TransportKind,
  type CommandBuffer,
  type WriteTarget,
} from '../bindings/commands.js';
import type { EngineFactory, EngineTrapped } from '../bindings/engine.js';
import type { EngineEvent, ExchangeEvent } from '../bindings/events.js';
import type { ByteReader } from '../bindings/reader.js';
import { decodeRows } from '../bindings/rows.js';
import type { MirroredMap, WriteSink } from '../client/collection.js';
import { EngineHost, type EngineHostDelegate } from '../client/engine-host.js';
import { LwwMap } from '../client/lww-map.js';
import type { TokenSource } from '../client/options.js';
import { OrMap } from '../client/or-map.js';
import { CounterMap, PNCounter } from '../client/pn-counter.js';
import type { QueryTap } from '../client/query-tap.js';
import { ErrorCode, TopGunError, asTopGunError, errorFromCode } from '../errors.js';
import { FRAME_TYPE, frameHeaders, readAnswer } from '../transport/post.js';
import { syncUrl } from '../transport/websocket.js';
import type { EdgeStorage } from './storage.js';

/** How an edge replica is set up. */
export interface EdgeReplicaOptions {
  /** The origin: the server whose maps these are. */
  readonly serverUrl: string;
  /** Proves to the origin who this is; a function is called again when a token was refused. */
  readonly token?: TokenSource;
  /** How old reads may be, in milliseconds. Default: 5,000. */
  readonly maxStalenessMs?: number;
  /** How long a request may wait for the origin, in milliseconds. Default: 5,000. */
  readonly timeoutMs?: number;
  /** Where new instances find what to start from. Without it they fetch whole maps. */
  readonly storage?: EdgeStorage;
  /** Least time between two saves, in milliseconds. Default: 10,000. */
  readonly saveEveryMs?: number;
  /** How to reach the origin, if not by the global `fetch`: that of a service binding, for example. */
  readonly fetch?: typeof fetch;
  /** Hears of failures that cost nothing but time, such as a store that cannot be written. */
  readonly onError?: (error: TopGunError) => void;
}

const STALENESS_MS = 5_000;
const TIMEOUT_MS = 5_000;
const SAVE_EVERY_MS = 10_000;
/** How often a request looks whether the one before it is done. */
const LOOK_MS = 5;
/** A request to the origin that failed is repeated once: it may have been the connection. */
const ATTEMPTS = 2;
/** Refusals that may still be asked for. */
const REFUSALS_MAX = 1_000;

/** Nothing is asked unless somebody wants to know. */
const ON_DEMAND = { waitMs: 0, minMs: 500, maxMs: 0 };

/** One request of ours that talks to the origin, on behalf of all that wait for it. */
interface Turn {
  /** Its request may have died by then, and its turn with it. */
  readonly endsAtMs: number;
}

/**
 * A replica of chosen maps in the memory of an isolate that serves requests: reads are local and at most
 * `maxStalenessMs` old, writes go through to the origin. It does nothing between requests, has no
 * timers, and never waits for what another request began: where I/O belongs to the request that
 * started it, any of them may end at any time.
 *
 * @example
 * ```ts
 * import { createEdgeReplica } from 'topgun/edge';
 *
 * const replica = createEdgeReplica({ serverUrl: 'http://localhost:8080', maxStalenessMs: 2_000 });
 * const visits = replica.getPNCounter('visits', 'home');
 *
 * async function handle(): Promise<Response> {
 *   await replica.fresh(); // asks the origin if what we have is older than 2 s
 *   await replica.write(() => visits.increment()); // resolves when the origin has it
 *   return Response.json({ visits: visits.get() });
 * }
 * console.log(await (await handle()).json()); // { visits: 1 }
 * ```
 */
export class EdgeReplica implements WriteSink, EngineHostDelegate {
  protected readonly options: EdgeReplicaOptions;
  /** Its queries, in builds that answer them. */
  protected queries: QueryTap | undefined;
  private readonly url: string;
  private readonly load: () => Promise<EngineFactory>;
  protected readonly host = new EngineHost(this);
  protected readonly opened = new Map<string, { kind: string; handle: number; map: MirroredMap }>();
  private readonly maps = new Map<number, MirroredMap>();
  private deferred: (() => void)[] = [];
  private effects: (() => void)[] = [];
  private readonly touched = new Set<MirroredMap>();

  private isConnected = false;
  /** Requests that the engine wants to have answered. */
  private exchanges: ExchangeEvent[] = [];
  private turn: Turn | undefined;
  /** When we last asked for everything and got it, by the wall clock. */
  private agreedAtMs: number | undefined;
  private acked = 0;
  private refusals: { sequence: number; error: TopGunError }[] = [];
  /** Of the command that is being run. */
  private commandError: TopGunError | undefined;
  private lastError: TopGunError | undefined;
  private token: string | undefined;
  private transaction = 0;
  private hasNews = false;
  private savedAtMs = 0;
  private isClosed = false;

  /** @internal Made by `createEdgeReplica`, which knows its platform. */
  constructor(options: EdgeReplicaOptions, load: () => Promise<EngineFactory>) {
    this.options = options;
    this.url = syncUrl(options.serverUrl);
    this.load = load;
  }

  /** The map of this name in which the last write of a key wins. Open maps before `fresh`. */
  getMap<T>(name: string): LwwMap<T> {
    return this.open('LWW map', name, (handle) => new LwwMap<T>(this, handle, name));
  }

  /** The map of this name from keys to bags of elements. */
  getORMap<T>(name: string): OrMap<T> {
    return this.open('OR map', name, (handle) => new OrMap<T>(this, handle, name));
  }

  /** A counter of the map of this name. */
  getPNCounter(name: string, key = 'value'): PNCounter {
    const counters = this.open('PN counter', name, (handle) => new CounterMap(this, handle, name));
    return new PNCounter(counters, key);
  }

  /** Milliseconds since the maps agreed with the origin; `Infinity` before they ever did. */
  get stalenessMs(): number {
    return this.agreedAtMs === undefined ? Infinity : Math.max(0, Date.now() - this.agreedAtMs);
  }

  /**
   * Resolves when reads show what the origin had at most `maxStalenessMs` before this call, which is at
   * once if they do; 0 is what it has now. Rejects with a TopGunError if the origin cannot be asked; the maps then hold what they held, as `stalenessMs` tells.
   */
  async fresh(maxStalenessMs = this.options.maxStalenessMs ?? STALENESS_MS): Promise<void> {
    const oldestMs = Date.now() - maxStalenessMs;
    await this.boot();
    await this.reach(() => this.agreedAtMs !== undefined && this.agreedAtMs >= oldestMs);
    await this.save();
  }

  /**
   * Runs `change`, which may write to any of the maps but must not wait, and resolves when the origin
   * has acknowledged what it wrote. Rejects with the refusal if the origin refused any of it, and with
   * `TimedOut` or `NotReady` if it is not known whether it arrived; it is then sent with the next request.
   */
  async write(change: () => void): Promise<void> {
    await this.boot();
    const before = this.position();
    this.commandError = undefined;
    change();
    const last = this.position();
    if (this.commandError !== undefined) throw this.commandError;
    if (last > before) await this.reach(() => this.acked >= last);
    const refused = this.refusals.find(({ sequence }) => sequence > before && sequence <= last);
    if (refused !== undefined) throw refused.error;
    await this.save();
  }

  /** Frees everything. What was not acknowledged is lost, as it is with an instance that ends. */
  close(): void {
    this.isClosed = true;
    this.host.detach();
  }

  // WriteSink: what maps ask for.

  get buffer(): CommandBuffer {
    return this.host.buffer;
  }

  acceptsWrites(): boolean {
    if (this.isClosed) throw new TopGunError(ErrorCode.Closed, 'the replica was closed');
    return this.host.attached;
  }

  defer(write: () => void): void {
    this.deferred.push(write);
  }

  written(): void {
    this.hasNews = true;
    this.host.written();
  }

  onAnswer(receive: (payload: ByteReader) => void): void {
    this.host.onAnswer(receive);
  }

  async loaded(): Promise<void> {
    await this.boot();
  }

  closeMap(handle: number): void {
    if (this.maps.delete(handle)) this.host.tell((buffer) => buffer.onMap(Command.Unsubscribe, handle));
  }

  // EngineHostDelegate: what comes out of the engine.

  applyEvent(event: EngineEvent): void {
    switch (event.type) {
      case 'entry':
      case 'element':
      case 'counter': {
        const map = this.maps.get(event.map);
        if (map === undefined) return;
        this.hasNews = true;
        map.applyEvent(event);
        this.touched.add(map);
        return;
      }
      case 'map-loaded':
        return this.maps.get(event.map)?.endReload();
      case 'connect':
        this.isConnected = true;
        this.effects.push(() => this.host.tell((buffer) => buffer.transportOpened(TransportKind.Exchanges)));
        return;
      case 'disconnect':
        return this.forgetConnection();
      case 'exchange':
        this.exchanges.push(event);
        return;
      case 'cancel-exchange':
        this.exchanges = this.exchanges.filter(({ exchange }) => exchange !== event.exchange);
        return;
      case 'ack':
        this.acked = Math.max(this.acked, event.sequence);
        return;
      case 'rejected':
        this.refusals.push({ sequence: event.sequence, error: errorFromCode(event.code, event.detail) });
        if (this.refusals.length > REFUSALS_MAX) this.refusals.shift();
        return;
      case 'error':
        this.lastError = errorFromCode(event.code, event.detail);
        return;
      case 'query':
        return this.queries?.applyEvent(event.code, event.payload);
      case 'map-synced':
      case 'send':
      case 'persist':
      case 'wake':
      case 'status':
      case 'replica-replaced':
        return;
    }
  }

  runEffects(): void {
    for (const run of this.effects.splice(0)) run();
  }

  notify(): void {
    const touched = [...this.touched];
    this.touched.clear();
    for (const map of touched) map.notify();
    this.queries?.notify();
  }

  commandFailed(code: number, target: WriteTarget | undefined): void {
    const map = target && this.maps.get(target.map);
    if (target === undefined || map === undefined) return;
    this.commandError = errorFromCode(code, target.key);
    // The mirror already shows the write.
    queueMicrotask(() => this.report(target.map, map));
  }

  engineLost(cause: EngineTrapped): void {
    this.lastError = new TopGunError(ErrorCode.EngineTrap, cause.message, { cause });
    this.options.onError?.(this.lastError);
    this.host.takeUnstored();
    this.forgetConnection();
    this.agreedAtMs = undefined;
    this.acked = 0;
  }

  /** An engine with what was saved; the next request makes another one if this one is lost. */
  protected async boot(): Promise<void> {
    if (this.isClosed) throw new TopGunError(ErrorCode.Closed, 'the replica was closed');
    if (this.host.attached) return;
    const [factory, snapshot] = await Promise.all([this.load(), this.loadSnapshot()]);
    const engine = await factory.create();
    // Another request may have been faster.
    if (this.host.attached) return engine.close();
    const { host } = this;
    host.attach(engine);
    // Nothing of what identifies a replica is stored, so that no instance is a copy of another.
    const seed = crypto.getRandomValues(new Uint8Array(16));
    host.tell((buffer) => buffer.open(seed, 0n, 0, Stores.Never));
    host.loadRows(snapshot);
    host.tell((buffer) => buffer.plain(Command.Start));
    host.tell((buffer) => buffer.setPolling(ON_DEMAND));
    for (const [handle, map] of this.maps) this.report(handle, map);
    for (const write of this.deferred.splice(0)) write();
    this.queries?.attach(host);
    this.hasNews = false;
  }

  private async loadSnapshot(): Promise<ReturnType<typeof decodeRows>> {
    try {
      const snapshot = await this.options.storage?.load();
      return snapshot === undefined ? [] : decodeRows(snapshot);
    } catch (error) {
      this.failed(asTopGunError(error, ErrorCode.StorageIo));
      return [];
    }
  }

  /** Saves what new instances shall start from, if it is worth it and nothing waits for the origin. */
  private async save(): Promise<void> {
    const { storage, saveEveryMs = SAVE_EVERY_MS } = this.options;
    const now = Date.now();
    if (storage === undefined || !this.hasNews || now - this.savedAtMs < saveEveryMs) return;
    const rows = this.host.ask(
      (buffer) => buffer.plain(Command.ExportState),
      (payload) => payload.raw(payload.end - payload.offset).slice(),
    );
    if (rows === undefined) return;
    this.savedAtMs = now;
    this.hasNews = false;
    try {
      await storage.save(rows);
    } catch (error) {
      this.hasNews = true;
      this.failed(asTopGunError(error, ErrorCode.StorageIo));
    }
  }

  protected failed(error: TopGunError): void {
    this.options.onError?.(error);
  }

  /** Talks to the origin until `holds`; or waits for a request that does so. */
  protected async reach(holds: () => boolean, timeoutMs?: number): Promise<void> {
    const { timeoutMs: turnMs = TIMEOUT_MS } = this.options;
    const giveUpAt = Date.now() + (timeoutMs ?? turnMs);
    for (let attempt = 1; !holds(); ) {
      const now = Date.now();
      if (!this.host.attached) throw this.lastError ?? new TopGunError(ErrorCode.NotReady);
      if (now >= giveUpAt) throw this.lastError ?? new TopGunError(ErrorCode.TimedOut, this.url);
      if (this.turn !== undefined && now < this.turn.endsAtMs) {
        await pause(LOOK_MS);
        continue;
      }
      try {
        await this.takeTurn(Math.min(giveUpAt, now + turnMs));
        // Writes that were put off wait for their time.
        if (!holds()) await pause(LOOK_MS);
      } catch (error) {
        if (attempt++ >= ATTEMPTS) throw error;
      }
    }
  }

  private async takeTurn(giveUpAtMs: number): Promise<void> {
    const startedAtMs = Date.now();
    // A turn before us that did not end has died with its request.
    if (this.turn !== undefined) this.disconnect();
    const turn = { endsAtMs: giveUpAtMs };
    this.turn = turn;
    try {
      this.token ??= await this.fetchToken();
      this.lastError = undefined;
      if (this.isConnected) this.host.tell((buffer) => buffer.plain(Command.Refresh));
      else this.connect();
      for (let next = this.exchanges.shift(); next !== undefined; next = this.exchanges.shift()) {
        await this.carry(next, turn);
        if (this.turn !== turn) return;
      }
      if (!this.isConnected) throw this.refused();
      this.agreedAtMs = startedAtMs;
      this.forgetStored();
    } finally {
      if (this.turn === turn) this.turn = undefined;
    }
  }

  private async carry({ exchange, request }: ExchangeEvent, turn: Turn): Promise<void> {
    const send = this.options.fetch ?? fetch;
    let answer: Uint8Array;
    try {
      const response = await send(this.url, {
        method: 'POST',
        headers: frameHeaders(FRAME_TYPE, this.token ?? '', false),
        body: request,
        signal: AbortSignal.timeout(Math.max(1, turn.endsAtMs - Date.now())),
      });
      answer = await readAnswer(response);
    } catch (cause) {
      if (this.turn === turn) this.disconnect();
      throw new TopGunError(ErrorCode.NotReady, `${this.url} does not answer`, { cause });
    }
    // Too late: another request has started over.
    if (this.turn !== turn) return;
    this.host.tell((buffer) => buffer.exchangePart(exchange, answer));
    this.host.tell((buffer) => buffer.exchangeDone(exchange));
  }

  /** Why the origin ended the conversation. */
  private refused(): TopGunError {
    const error = this.lastError ?? new TopGunError(ErrorCode.NotReady, this.url);
    const isAboutToken = error.code === ErrorCode.TokenExpired || error.code === ErrorCode.TokenInvalid;
    if (isAboutToken || error.code === ErrorCode.Unauthenticated) this.token = undefined;
    return error;
  }

  private async fetchToken(): Promise<string> {
    const { token = '' } = this.options;
    return typeof token === 'function' ? token() : token;
  }

  /** At once, whatever pause the engine had in mind: somebody waits for us. */
  private connect(): void {
    this.host.tell((buffer) => buffer.setOnline(false));
    this.host.tell((buffer) => buffer.setOnline(true));
  }

  private disconnect(): void {
    this.forgetConnection();
    this.host.tell((buffer) => buffer.plain(Command.TransportClosed));
  }

  private forgetConnection(): void {
    this.isConnected = false;
    this.exchanges = [];
  }

  /** Once the origin has everything, no writes need be kept for a new engine. */
  private forgetStored(): void {
    this.host.handedOut(++this.transaction);
    this.host.stored(this.transaction);
  }

  /** Runs what is in the buffer; returns the sequence of the newest operation. */
  private position(): number {
    const answer = this.host.ask(
      (buffer) => buffer.plain(Command.LastSequence),
      (payload) => payload.varint(),
    );
    if (answer === undefined) throw this.lastError ?? new TopGunError(ErrorCode.NotReady);
    return answer;
  }

  private report(handle: number, map: MirroredMap): void {
    if (this.maps.get(handle) !== map) return;
    map.beginReload();
    this.host.tell((buffer) => buffer.openMap(handle, map.kind, map.name));
  }

  private open<M extends MirroredMap>(kind: string, name: string, create: (handle: number) => M): M {
    const known = this.opened.get(name);
    if (known !== undefined && !known.map.closed) {
      // The kind is stored with the map, so that the cast holds.
      if (known.kind === kind) return known.map as M;
      throw new TopGunError(ErrorCode.TypeMismatch, `${name} is open as ${known.kind}`);
    }
    const size = new TextEncoder().encode(name).length;
    if (size < 1 || size > MAP_NAME_BYTES_MAX) {
      throw new TopGunError(ErrorCode.InvalidArgument, `a map name takes 1 to ${MAP_NAME_BYTES_MAX} bytes`);
    }
    const handle = known?.handle ?? this.opened.size + 1;
    const map = create(handle);
    this.opened.set(name, { kind, handle, map });
    this.maps.set(handle, map);
    // What the origin has of it is not known yet.
    this.agreedAtMs = undefined;
    if (this.host.attached) this.report(handle, map);
    return map;
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
