import type { CommandBuffer } from '../bindings/commands.js';
import type { ByteReader } from '../bindings/reader.js';
import { ErrorCode, TopGunError, asTopGunError, errorFromCode } from '../errors.js';
import type { Platform } from '../platform/platform.js';
import type { Persistence } from '../storage/adapter.js';
import { browserChannel, type TabChannel } from '../tabs/channel.js';
import type { Follower } from '../tabs/follower.js';
import type { Leader } from '../tabs/leader.js';
import type { SharedState } from '../tabs/messages.js';
import type { Transport } from '../transport/negotiator.js';
import type { MirroredMap, WriteSink } from './collection.js';
import { FlushWaiters } from './flush.js';
import type { TopGunClientOptions } from './options.js';
import type { ReplicaEvents } from './replica-events.js';
import { Replica } from './replica.js';

type Tabs = typeof import('../tabs/tabs.js');

/** The part that a client plays among the tabs that share its store. */
export type TabRole = 'leader' | 'follower';

/** What a session tells the client that owns it. */
export interface SessionEvents {
  status(status: number): void;
  error(error: TopGunError): void;
  rejected(map: string | undefined, key: string, error: TopGunError): void;
  synced(map: string): void;
  acked(level: number, sequence: number): void;
  restarted(cause: TopGunError): void;
  replaced(replica: bigint, former: bigint): void;
  persistence(level: Persistence, error: TopGunError | undefined): void;
  waiting(): void;
  transport(transport: Transport): void;
  role(role: TabRole): void;
  stored(): void;
}

/** An event of the replica that every tab reports to its application. */
export type TabNotice =
  | { readonly type: 'status'; readonly status: number }
  | { readonly type: 'acked'; readonly level: number; readonly sequence: number }
  | { readonly type: 'synced'; readonly map: string }
  | { readonly type: 'transport'; readonly transport: Transport }
  | {
      readonly type: 'rejected';
      readonly map: string | undefined;
      readonly key: string;
      readonly error: ErrorParts;
    }
  | { readonly type: 'error'; readonly error: ErrorParts }
  | { readonly type: 'replaced'; readonly replica: bigint; readonly former: bigint }
  | {
      readonly type: 'persistence';
      readonly level: Persistence;
      readonly error: ErrorParts | undefined;
    };

/** An error in a form that can be sent. */
export interface ErrorParts {
  readonly code: number;
  readonly detail: string;
}

/** What any tab may change for all of them. */
export interface TabSettings {
  readonly token?: string;
  readonly online?: boolean;
  /** Ask for changes now. */
  readonly refresh?: true;
}

/**
 * A client from start to close: its own replica, or the one of another tab while that tab holds the
 * store, and the change from the one to the other. Maps write to the session and do not notice.
 */
export class Session implements WriteSink {
  readonly replica: Replica;
  readonly serverUrl: string | undefined;
  readonly events: SessionEvents;
  /** The last status that the engine reported. */
  status = 0;
  private readonly platform: Platform;
  private readonly flushes: FlushWaiters;
  /** A name keeps its handle: the engine knows a map that was closed, and takes it up again. */
  private readonly handles = new Map<string, number>();
  private channel: TabChannel | undefined;
  /** While another tab holds the store. */
  follower: Follower | undefined;
  private leader: Leader | undefined;
  /** Our own replica has taken over, or always had. */
  role: TabRole | undefined;
  private leads = false;
  private setReady: () => void = () => undefined;
  private readonly opened = new Promise<void>((resolve) => (this.setReady = resolve));
  private failReady: (error: unknown) => void = () => undefined;
  /** Resolves when reads see everything that is stored; rejects if that will never be. */
  readonly ready = new Promise<void>((resolve, reject) => {
    this.failReady = reject;
    void this.opened.then(resolve);
  });
  private closed = false;
  private epoch = 0;

  constructor(options: TopGunClientOptions, platform: Platform, events: SessionEvents) {
    this.platform = platform;
    this.serverUrl = options.serverUrl;
    this.events = events;
    // Nobody may be waiting for it.
    this.ready.catch(() => undefined);
    this.flushes = new FlushWaiters({
      position: () => this.replica.lastSequence(),
      stored: () => this.replica.allStored,
    });
    this.replica = new Replica(options, platform, this.replicaEvents());
  }

  get state(): Omit<SharedState, 'pending'> {
    return {
      serverUrl: this.serverUrl,
      replicaId: this.replica.replicaId,
      engineKind: this.replica.engineKind,
      persistence: this.replica.persistence,
      status: this.status,
      online: this.replica.online,
      transport: this.replica.transport,
    };
  }

  /** What the shared replica is, wherever it runs. */
  get shared(): Omit<SharedState, 'pending'> {
    return this.follower?.state ?? this.state;
  }

  /** Resolves when reads see everything that is stored, by us or by the tab that holds the store. */
  start(token: string): Promise<void> {
    const leading = this.replica.start(token).then(() => this.lead());
    leading.then(this.setReady, (cause: unknown) => {
      this.failReady(cause);
      // Whoever called `start` has heard that we follow, and now we cannot lead.
      if (this.role === 'follower' && !this.closed) {
        this.events.error(asTopGunError(cause, ErrorCode.Internal));
      }
    });
    return Promise.race([this.opened, leading]);
  }

  async close(): Promise<void> {
    if (this.closed) return;
    await this.follower?.close();
    this.closed = true;
    this.failReady(new TopGunError(ErrorCode.Closed, 'the client was closed'));
    this.follower = undefined;
    await this.replica.close();
    this.leader?.close();
    this.channel?.close();
    this.flushes.fail(new TopGunError(ErrorCode.Closed, 'the client was closed'));
  }

  /** The handle of the map of this name, the same for as long as the session lives. */
  handleOf(name: string): number {
    let handle = this.handles.get(name);
    if (handle === undefined) this.handles.set(name, (handle = this.handles.size + 1));
    return handle;
  }

  nameOf(handle: number): string | undefined {
    for (const [name, each] of this.handles) if (each === handle) return name;
    return undefined;
  }

  openMap(handle: number, map: MirroredMap): void {
    this.replica.openMap(handle, map);
    this.follower?.openMap(handle, map);
  }

  setOnline(online: boolean): void {
    if (this.serverUrl === undefined) return;
    this.replica.setOnline(online);
    this.channel?.post({ type: 'settings', online });
  }

  refresh(): void {
    this.replica.refresh();
    this.channel?.post({ type: 'settings', refresh: true });
  }

  setToken(token: string): void {
    this.replica.setToken(token);
    this.channel?.post({ type: 'settings', token });
  }

  /** Another tab has changed what holds for all of them. */
  adopt({ online, token, refresh }: TabSettings): void {
    if (refresh === true) this.replica.refresh();
    if (online !== undefined) this.replica.setOnline(online);
    if (token !== undefined) this.replica.setToken(token);
  }

  lastSequence(): { sequence: number; pending: number } {
    return this.follower?.position() ?? this.replica.lastSequence();
  }

  root(handle: number): { root: string; count: number } {
    const root = this.follower === undefined ? this.replica.root(handle) : this.follower.root(handle);
    if (root === undefined) throw new TopGunError(ErrorCode.NotReady, 'the map is not loaded yet');
    return root;
  }

  flush(level: number, timeoutMs: number | undefined): Promise<void> {
    return this.follower?.flush(level, timeoutMs) ?? this.flushes.wait(level, timeoutMs);
  }

  // WriteSink: what maps ask for.

  get buffer(): CommandBuffer {
    return (this.follower ?? this.replica).buffer;
  }

  acceptsWrites(): boolean {
    return (this.follower ?? this.replica).acceptsWrites();
  }

  defer(write: () => void): void {
    this.replica.defer(write);
  }

  written(): void {
    (this.follower ?? this.replica).written();
  }

  onAnswer(receive: (payload: ByteReader) => void): void {
    (this.follower ?? this.replica).onAnswer(receive);
  }

  closeMap(handle: number): void {
    (this.follower ?? this.replica).closeMap(handle);
  }

  async loaded(handle: number): Promise<void> {
    await this.ready;
    await this.follower?.loaded(handle);
  }

  /** Passes on an event of another tab's replica to the application. */
  receive(notice: TabNotice): void {
    switch (notice.type) {
      case 'status':
        return this.events.status(notice.status);
      case 'acked':
        return this.events.acked(notice.level, notice.sequence);
      case 'synced':
        return this.events.synced(notice.map);
      case 'transport':
        return this.events.transport(notice.transport);
      case 'rejected':
        return this.events.rejected(notice.map, notice.key, errorOf(notice.error));
      case 'error':
        return this.events.error(errorOf(notice.error));
      case 'replaced':
        return this.events.replaced(notice.replica, notice.former);
      case 'persistence':
        return this.events.persistence(notice.level, notice.error && errorOf(notice.error));
    }
  }

  private replicaEvents(): ReplicaEvents {
    const { events } = this;
    const tell = (notice: TabNotice): void => this.leader?.report(notice);
    return {
      status: (status) => {
        this.status = status;
        tell({ type: 'status', status });
        events.status(status);
      },
      error: (error) => {
        tell({ type: 'error', error: partsOf(error) });
        events.error(error);
      },
      replaced: (replica, former) => {
        tell({ type: 'replaced', replica, former });
        events.replaced(replica, former);
      },
      rejected: ({ map: handle, key, code, detail }) => {
        const map = this.nameOf(handle);
        tell({ type: 'rejected', map, key, error: { code, detail } });
        events.rejected(map, key, errorFromCode(code, detail));
      },
      synced: ({ name }) => {
        tell({ type: 'synced', map: name });
        events.synced(name);
      },
      transport: (transport) => {
        tell({ type: 'transport', transport });
        events.transport(transport);
      },
      acked: (level, sequence) => {
        this.flushes.acked(level, sequence);
        tell({ type: 'acked', level, sequence });
        events.acked(level, sequence);
      },
      persistence: (level, error) => {
        tell({ type: 'persistence', level, error: error && partsOf(error) });
        events.persistence(level, error);
      },
      restarted: (cause) => {
        this.flushes.restarted();
        this.leader?.restart();
        events.restarted(cause);
      },
      waiting: () => this.wait(),
      progress: () => {
        this.flushes.check();
        events.stored();
      },
      inherit: () => this.inherit(),
    };
  }

  /** Another client holds the store: follow it, if it is a tab that can be followed. */
  private wait(): void {
    this.events.waiting();
    const channel = this.openChannel();
    if (channel === undefined) return;
    this.withTabs(({ Follower }) => {
      if (this.leads || this.closed) return;
      this.follower = new Follower(this, channel, () => {
        this.replica.runDeferred();
        this.play('follower');
        this.setReady();
      });
    });
  }

  /** From here on our own replica serves the maps; what the leader before may lack comes first. */
  private inherit(): Uint8Array[] {
    this.leads = true;
    const { follower } = this;
    if (follower === undefined) return [];
    this.follower = undefined;
    this.epoch = follower.epoch;
    this.takenOver = follower.retire();
    return this.takenOver.writes;
  }

  /** Tells the tabs that wait for the store, and serves them once there are any. */
  private lead(): void {
    this.takenOver?.finish();
    this.takenOver = undefined;
    const channel = this.openChannel();
    // Later than the one before, whatever the clock says.
    const epoch = Math.max(Date.now(), this.epoch + 1);
    channel?.listen(() => {
      // What is said until we can answer is said again to the leader that introduces itself.
      channel.listen(() => undefined);
      this.withTabs(({ Leader }) => {
        if (!this.closed) this.leader = new Leader(this, channel, epoch);
      });
    });
    channel?.post({ type: 'lead', epoch });
    this.play('leader');
  }

  /** Loads what a client alone never needs. */
  private withTabs(use: (tabs: Tabs) => void): void {
    import('../tabs/tabs.js').then(use).catch((error: unknown) => {
      this.events.error(asTopGunError(error, ErrorCode.NotReady));
    });
  }

  /** What was left to do when we took over. */
  private takenOver: { writes: Uint8Array[]; finish(): void } | undefined;

  private play(role: TabRole): void {
    this.role = role;
    this.events.role(role);
  }

  /** The channel of the tabs that share our store; nothing if nobody can. */
  private openChannel(): TabChannel | undefined {
    const { lockName } = this.replica.storage;
    if (lockName === undefined || this.closed) return undefined;
    this.channel ??= (this.platform.tabChannel ?? browserChannel)(lockName);
    return this.channel;
  }
}

/** What an error says, without the name of its code. */
export function partsOf(error: TopGunError): ErrorParts {
  return { code: error.code, detail: error.message.slice(error.codeName.length + 2) };
}

export function errorOf({ code, detail }: ErrorParts): TopGunError {
  return errorFromCode(code, detail);
}
