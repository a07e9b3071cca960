import {
  Command,
  Stores,
  payloadAfterKey,
  writeTarget,
  type CommandBuffer,
  type MapKind,
  type WriteTarget,
} from '../bindings/commands.js';
import type { EngineFactory, EngineTrapped, EngineKind } from '../bindings/engine.js';
import type { EngineEvent, PersistEvent } from '../bindings/events.js';
import { ByteReader } from '../bindings/reader.js';
import { ErrorCode, TopGunError, asTopGunError, errorFromCode } from '../errors.js';
import type { Platform } from '../platform/platform.js';
import type { Persistence, StorageAdapter } from '../storage/adapter.js';
import type { Transport } from '../transport/negotiator.js';
import type { MirroredMap } from './collection.js';
import { EngineHost, type EngineHostDelegate } from './engine-host.js';
import { replicaIdOf, type TopGunClientOptions } from './options.js';
import { PersistenceQueue } from './persistence-queue.js';
import type { QueryTap } from './query-tap.js';
import type { ReplicaEvents, ReplicaTap } from './replica-events.js';
import { linkToServer } from './server-link.js';
import type { TransportLink } from './transport-link.js';
import { TrapLimit } from './trap-limit.js';
import { WakeTimer } from './wake-timer.js';

/** The status of an engine that the node has welcomed. */
const ONLINE = 2;

type State = 'new' | 'starting' | 'running' | 'recovering' | 'failed' | 'closed';

/**
 * One replica from start to close: its engine, store, transport, timer and open maps, and the
 * replacement of an engine that trapped. It carries out what the engine asks for and decides nothing
 * about maps, merging, reconnects or retries: that is the core's part.
 */
export class Replica implements EngineHostDelegate {
  replicaId = 0n;
  engineKind: EngineKind | undefined;

  /** Number of the newest transaction that the engine handed out. */
  lastTransaction = 0;

  private readonly options: TopGunClientOptions;
  private readonly platform: Platform;
  private readonly events: ReplicaEvents;
  readonly host: EngineHost;
  readonly storage: StorageAdapter;
  private readonly queue: PersistenceQueue;
  private readonly link: TransportLink | undefined;
  readonly maps = new Map<number, MirroredMap>();
  private state: State = 'new';
  private factory: EngineFactory | undefined;
  private readonly deferred: (() => void)[] = [];
  private readonly timer = new WakeTimer(() => this.host.tell((buffer) => buffer.plain(Command.Tick)));
  private readonly effects: (() => void)[] = [];
  private readonly notices: (() => void)[] = [];
  private readonly touched = new Set<MirroredMap>();
  /** Whether we want to be connected. */
  online: boolean;
  private token = '';
  private follower: ReplicaTap | undefined;
  queries: QueryTap | undefined;
  private isHidden = false;
  /** While an engine takes over, mirrors pass through states that nobody must see. */
  private quiet = false;
  private promised: Persistence = 'memory';
  /** The store refused or lost rows, and the engine has not stored everything anew yet. */
  storeFailed = false;
  private failedAt = 0;
  private replayed = 0;
  private readonly traps = new TrapLimit();
  private recovery: Promise<void> | undefined;
  private stopConnectivity: (() => void) | undefined;
  private stopVisibility: (() => void) | undefined;

  constructor(options: TopGunClientOptions, platform: Platform, events: ReplicaEvents) {
    this.options = options;
    this.platform = platform;
    this.events = events;
    this.host = new EngineHost(this);
    this.storage = options.storage ?? platform.defaultStorage();
    this.queue = new PersistenceQueue(this.storage, (transactions, error) =>
      this.stored(transactions, error),
    );
    this.online = options.serverUrl !== undefined;
    this.link = linkToServer(options, platform, this.host, {
      token: () => this.token,
      changed: (transport) => this.notice(() => this.events.transport(transport)),
    });
  }

  /** What the node has answered over last. */
  get transport(): Transport | undefined {
    return this.link?.transport;
  }

  /** What the store promises now. */
  get persistence(): Persistence {
    return this.storeFailed ? 'memory' : this.promised;
  }

  get started(): boolean {
    return this.state === 'running';
  }

  /** Loads the core and the stored rows; resolves when reads see everything that is stored. */
  async start(token: string): Promise<void> {
    if (this.state !== 'new') throw new TopGunError(ErrorCode.InvalidArgument, 'already started');
    this.state = 'starting';
    this.token = token;
    try {
      const loading = this.platform.loadEngine();
      // The store may take long to answer; a failure to load the core must not go unnoticed then.
      loading.catch(() => undefined);
      this.promised = await this.storage.open({
        waiting: () => this.events.waiting(),
        lost: (error) => this.storeLost(error),
      });
      if (this.isClosed()) throw new TopGunError(ErrorCode.Closed);
      this.factory = await loading;
      this.engineKind = this.factory.kind;
      await this.boot();
      if (this.isClosed()) throw new TopGunError(ErrorCode.Closed, 'closed before it had started');
    } catch (error) {
      if (!this.isClosed()) this.state = 'failed';
      await this.storage.close().catch(() => undefined);
      throw asTopGunError(error, ErrorCode.Internal);
    }
    this.stopConnectivity = this.platform.onConnectivity((online) => {
      if (this.online) this.host.tell((buffer) => buffer.setOnline(online));
    });
    this.stopVisibility = this.platform.onVisibility?.((hidden) => this.judgeVisibility(hidden));
  }

  /** Whoever passes on to other tabs what happens here, while there are any. */
  get tap(): ReplicaTap | undefined {
    return this.follower;
  }

  set tap(tap: ReplicaTap | undefined) {
    this.follower = tap;
    this.judgeVisibility();
  }

  /** Tabs that follow us may be looked at while our own page is not. */
  private judgeVisibility(hidden = this.isHidden): void {
    this.isHidden = hidden;
    this.link?.setHidden(this.isHidden && this.follower === undefined);
  }

  /** Ends everything; what is in the outbox stays in the store. */
  async close(): Promise<void> {
    // An engine that is being replaced has yet to take over what was written.
    if (this.state === 'recovering') await this.recovery;
    if (this.isClosed()) return;
    const wasOpen = this.state === 'running' || this.state === 'recovering';
    this.host.flush();
    this.state = 'closed';
    this.stopConnectivity?.();
    this.stopVisibility?.();
    this.timer.stop();
    this.link?.disconnect();
    await this.queue.settled();
    this.host.detach();
    if (wasOpen) await this.storage.close();
  }

  /** Adds a map that was given its handle. */
  openMap(handle: number, map: MirroredMap): void {
    this.maps.set(handle, map);
    if (this.started) this.report(handle, map.kind, map.name);
  }

  /** Has the engine report the whole map to our mirror. */
  private report(handle: number, kind: MapKind, name: string): void {
    const open = (): void => this.host.tell((buffer) => buffer.openMap(handle, kind, name));
    if (this.tap === undefined) open();
    else this.tap.forOurselves(open);
  }

  setOnline(online: boolean): void {
    if (this.options.serverUrl === undefined) return;
    this.online = online;
    this.host.tell((buffer) => buffer.setOnline(online));
  }

  /** Asks for changes now, where they are asked for at all. */
  refresh(): void {
    this.host.tell((buffer) => buffer.plain(Command.Refresh));
  }

  setToken(token: string): void {
    this.token = token;
    this.host.tell((buffer) => buffer.setToken(token));
  }

  /** Runs what is in the buffer and returns where the local operations stand. */
  lastSequence(): { sequence: number; pending: number } {
    const answer = this.host.ask(
      (buffer) => buffer.plain(Command.LastSequence),
      (payload) => ({ sequence: payload.varint(), pending: payload.varint() }),
    );
    return answer ?? { sequence: 0, pending: this.host.buffer.count };
  }

  /**
   * A map's Merkle root and record count; equal roots mean equal maps, tombstones included. Nothing
   * without an engine to ask.
   */
  root(handle: number): { root: string; count: number } | undefined {
    return this.host.ask(
      (buffer) => buffer.onMap(Command.Root, handle),
      (payload) => ({ root: payload.hex(16), count: payload.varint() }),
    );
  }

  /** True when every write so far is in the store. */
  get allStored(): boolean {
    return this.started && !this.storeFailed && this.host.buffer.empty && this.queue.idle;
  }

  // What maps ask for, through the session.

  get buffer(): CommandBuffer {
    return this.host.buffer;
  }

  acceptsWrites(): boolean {
    switch (this.state) {
      case 'running':
      case 'recovering':
        return true;
      case 'new':
      case 'starting':
        return false;
      case 'failed':
        throw new TopGunError(ErrorCode.NotReady, 'the client could not start');
      case 'closed':
        throw new TopGunError(ErrorCode.Closed, 'the client was closed');
    }
  }

  defer(write: () => void): void {
    this.deferred.push(write);
  }

  /** Writes that were made before the start. */
  runDeferred(): void {
    for (const write of this.deferred.splice(0)) write();
  }

  written(): void {
    this.host.written();
  }

  onAnswer(receive: (payload: ByteReader) => void): void {
    this.host.onAnswer(receive);
  }

  closeMap(handle: number): void {
    // While the engine is being replaced, writes of the map may still have to be run again.
    if (this.state === 'recovering' || !this.maps.delete(handle) || this.tap?.uses(handle)) return;
    this.host.tell((buffer) => buffer.onMap(Command.Unsubscribe, handle));
  }

  // EngineHostDelegate: what comes out of the engine.

  applyEvent(event: EngineEvent, events: Uint8Array, start: number, end: number): void {
    switch (event.type) {
      case 'entry':
      case 'element':
      case 'counter': {
        if (this.tap?.takes(event, events, start, end)) return;
        const map = this.maps.get(event.map);
        if (map === undefined) return;
        map.applyEvent(event);
        this.touched.add(map);
        return;
      }
      case 'map-loaded':
        if (this.tap?.takes(event, events, start, end)) return;
        return this.maps.get(event.map)?.endReload();
      case 'map-synced':
        return this.notice(() => {
          const map = this.maps.get(event.map);
          if (map !== undefined) this.events.synced(map);
        });
      case 'connect':
        return this.effect(() => this.link?.connect());
      case 'disconnect':
        return this.effect(() => this.link?.disconnect());
      case 'send':
        return this.effect(() => this.link?.send(event.frame));
      case 'exchange':
        return this.effect(() => this.link?.exchange(event));
      case 'cancel-exchange':
        return this.effect(() => this.link?.cancel(event.exchange));
      case 'persist':
        return this.store(event);
      case 'wake':
        return this.effect(() => this.timer.wakeAt(event.atMs));
      case 'status':
        if (event.status === ONLINE) this.effect(() => this.link?.welcomed());
        return this.notice(() => this.events.status(event.status));
      case 'ack':
        return this.notice(() => this.events.acked(event.level, event.sequence));
      case 'rejected':
        return this.notice(() => this.events.rejected(event));
      case 'error':
        return this.notice(() => this.events.error(errorFromCode(event.code, event.detail)));
      case 'replica-replaced':
        this.replicaId = event.replica;
        return this.notice(() => this.events.replaced(event.replica, event.former));
      case 'query':
        if (this.tap?.takes(event, events, start, end)) return;
        return this.queries?.applyEvent(event.code, event.payload);
    }
  }

  runEffects(): void {
    for (const run of this.effects.splice(0)) run();
    this.tap?.turnEnded();
  }

  notify(): void {
    if (this.quiet) return;
    const touched = [...this.touched];
    this.touched.clear();
    for (const map of touched) map.notify();
    this.queries?.notify();
    for (const run of this.notices.splice(0)) run();
  }

  commandFailed(code: number, target: WriteTarget | undefined): void {
    const map = target && this.maps.get(target.map);
    if (target === undefined || map === undefined) {
      return this.notice(() => this.events.error(errorFromCode(code)));
    }
    // The mirror already shows the write: let the engine report what the map really holds.
    queueMicrotask(() => {
      this.reload(target.map, map);
      this.notify();
    });
    this.notice(() => {
      const { key } = target;
      this.events.rejected({ type: 'rejected', sequence: 0, code, map: target.map, key, detail: '' });
    });
  }

  engineLost(cause: EngineTrapped): void {
    this.link?.disconnect();
    this.timer.stop();
    if (this.state !== 'running') return;
    this.state = 'recovering';
    this.tap?.engineLost();
    this.recovery = this.recover(new TopGunError(ErrorCode.EngineTrap, cause.message, { cause }));
  }

  private effect(run: () => void): void {
    this.effects.push(run);
  }

  private notice(run: () => void): void {
    this.notices.push(run);
  }

  private isClosed(): boolean {
    return this.state === 'closed';
  }

  /**
   * A fresh engine with everything that is stored, all open maps, and the writes that the store may
   * lack. Throws `EngineTrap` if the engine traps on the way; nothing is lost then but, when it was
   * a write that did it, this write.
   */
  private async boot(): Promise<void> {
    const rows = await this.storage.load();
    const engine = await this.factory?.create();
    if (engine === undefined) throw new TopGunError(ErrorCode.NotReady);
    if (this.isClosed()) return engine.close();
    this.quiet = true;
    const writes = [...this.host.takeUnstored(), ...this.events.inherit()];
    this.host.attach(engine);
    const seed = crypto.getRandomValues(new Uint8Array(16));
    const { outboxMax = 0 } = this.options;
    const stores = this.storage.storesAtOnce ? Stores.AtOnce : Stores.Later;
    this.host.tell((buffer) => buffer.open(seed, replicaIdOf(this.options), outboxMax, stores));
    this.host.loadRows(rows);
    const replica = this.host.ask(
      (buffer) => buffer.plain(Command.Start),
      (payload) => payload.bigU64(),
    );
    if (replica !== undefined) this.replicaId = replica;
    if (this.token !== '') this.host.tell((buffer) => buffer.setToken(this.token));
    for (const [handle, map] of this.maps) this.reload(handle, map);
    this.replay(writes);
    this.quiet = false;
    if (replica === undefined || !this.host.attached) {
      this.host.keepUnstored([...this.host.takeUnstored(), ...writes.slice(this.replayed)]);
      throw new TopGunError(ErrorCode.EngineTrap, 'the engine trapped at its start');
    }
    this.state = 'running';
    this.runDeferred();
    this.queries?.attach(this.host);
    if (this.online) this.host.tell((buffer) => buffer.setOnline(true));
    this.notify();
  }

  /** Runs writes one by one. One that traps the engine is given up, and no other. */
  private replay(writes: readonly Uint8Array[]): void {
    this.replayed = 0;
    for (const write of writes) {
      if (!this.host.attached) return;
      this.replayed++;
      const target = writeTarget(write);
      const map = target && this.maps.get(target.map);
      if (target === undefined || map === undefined) continue;
      this.host.buffer.appendEncoded(write);
      // The engine reports what it did for a tab.
      if (!target.relayed) map.replay(target, payloadAfterKey(write));
      this.host.written();
      this.host.flush();
      if (this.host.attached) continue;
      this.host.keepUnstored(this.host.takeUnstored().slice(0, -1));
      this.commandFailed(ErrorCode.EngineTrap, target);
    }
  }

  /** Opens a map (again): the engine reports all of it, and the mirror follows. */
  private reload(handle: number, map: MirroredMap): void {
    if (this.maps.get(handle) !== map) return;
    map.beginReload();
    this.touched.add(map);
    this.report(handle, map.kind, map.name);
  }

  /** Replaces an engine that trapped, and one that traps while it takes over, a few times. */
  private async recover(first: TopGunError): Promise<void> {
    try {
      for (let cause: unknown = first; cause !== undefined; ) {
        this.traps.count(asTopGunError(cause, ErrorCode.EngineTrap));
        await this.queue.settled();
        cause = await this.boot().then(
          () => undefined,
          (error: unknown) => asTopGunError(error, ErrorCode.Internal),
        );
        if (cause instanceof TopGunError && cause.code !== ErrorCode.EngineTrap) throw cause;
      }
      if (this.started) this.events.restarted(first);
    } catch (error) {
      if (this.isClosed()) return;
      this.state = 'failed';
      this.host.detach();
      this.events.error(asTopGunError(error, ErrorCode.EngineTrap));
    }
  }

  /** The rows are borrowed. */
  private store(event: PersistEvent): void {
    const transaction = (this.lastTransaction = event.transaction);
    this.host.handedOut(transaction);
    if (!this.storage.storesAtOnce) return this.queue.add(event);
    void this.storage.transact(event);
    this.holds(transaction);
    this.notice(this.events.progress);
  }

  private holds(transaction: number): void {
    this.host.stored(transaction);
    this.tap?.stored(transaction);
  }

  private stored(transactions: readonly number[], error: TopGunError | undefined): void {
    const code = error?.code ?? 0;
    this.host.tell((buffer) => transactions.forEach((each) => buffer.persisted(each, code)));
    const last = Math.max(...transactions);
    if (error !== undefined) this.storeFails(error);
    else this.holds(last);
    if (error === undefined && this.storeFailed && last > this.failedAt) {
      this.storeFailed = false;
      this.events.persistence(this.persistence, undefined);
    }
    this.events.progress();
  }

  /** What was handed out up to now cannot be relied on; the engine stores it again by itself. */
  private storeFails(error: TopGunError): void {
    this.storeFailed = true;
    this.failedAt = this.lastTransaction;
    this.events.persistence(this.persistence, error);
  }

  /** Tells the engine that nothing is stored any more: it will store everything anew. */
  private storeLost(error: TopGunError): void {
    this.host.tell((buffer) => buffer.persisted(0, error.code));
    this.storeFails(error);
  }
}
