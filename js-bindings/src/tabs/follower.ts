import { ByteWriter } from '../bindings/byte-writer.js';
import { CommandBuffer, payloadAfterKey, splitRequest, type Command } from '../bindings/commands.js';
import { readEvents } from '../bindings/events.js';
import { ByteReader } from '../bindings/reader.js';
import { relay } from '../bindings/tab-commands.js';
import type { MapEvent, MirroredMap } from '../client/collection.js';
import { errorOf, type Session } from '../client/session.js';
import { ErrorCode, TopGunError, errorFromCode } from '../errors.js';
import type { TabChannel } from './channel.js';
import type {
  DistributedOmit,
  Executed,
  FollowerMessage,
  LeaderMessage,
  MapRequest,
  MapSnapshot,
  RootOf,
  SharedState,
  TabMessage,
} from './messages.js';
import { OwnCommands, type OwnCommand } from './own-commands.js';
import { concatenate, newTab, type Tab } from './tab.js';

/** A batch of commands leaves when it holds this many or this many bytes, or at the end of the turn. */
const BATCH_COMMANDS_MAX = 256;
const BATCH_BYTES_MAX = 64 * 1024;
/** How long `close` waits for a leader that does not answer. */
const CLOSE_MS_MAX = 5_000;
/** Time is the leader's to tell. */
const NO_TIME = { wallMs: 0, monotonicMs: 0 };

type Message<Type extends LeaderMessage['type']> = Extract<LeaderMessage, { type: Type }>;

interface Flush {
  readonly level: number;
  resolve(): void;
  reject(error: TopGunError): void;
}

/**
 * A tab whose replica runs in another tab, the leader: writes go to the mirrors of the maps at once
 * and to the leader at the end of the turn; what the leader's engine reports comes back. Writes are
 * kept until they are stored, and are sent again to the next leader, which executes each of them once.
 */
export class Follower {
  /** Of the leader that we follow; 0 before the first. */
  epoch = 0;
  /** What the leader said about the replica; nothing before we are attached for the first time. */
  state: SharedState | undefined;
  readonly buffer = new CommandBuffer();
  private readonly relays = new CommandBuffer();
  private readonly session: Session;
  private readonly channel: TabChannel;
  private readonly ready: () => void;
  private readonly tab: Tab = newTab();
  private readonly own = new OwnCommands();
  private numbers = 0;
  private attached = false;
  private closed = false;
  private turnScheduled = false;
  private readonly receivers = new Map<number, (payload: ByteReader) => void>();
  /** The command that a mirror is about to show again. */
  private shown: OwnCommand | undefined;
  /** Our maps by the leader's handles. */
  private handles = new Map<number, number>();
  private readonly roots = new Map<number, RootOf>();
  private readonly loading = new Map<number, (() => void)[]>();
  /** Maps that were closed and still have commands on their way. */
  private readonly closing = new Set<number>();
  private readonly flushes = new Map<number, Flush>();
  private flushIds = 0;
  private readonly touched = new Set<MirroredMap>();

  /** `ready` is called once, when reads see everything that is stored. */
  constructor(session: Session, channel: TabChannel, ready: () => void) {
    this.session = session;
    this.channel = channel;
    this.ready = ready;
    for (const handle of session.replica.maps.keys()) this.loading.set(handle, []);
    channel.listen((message) => this.receive(message));
    void channel.appear(this.tab.name).then(() => channel.post({ type: 'hello' }));
  }

  // What the session asks for.

  acceptsWrites(): boolean {
    if (this.closed) throw new TopGunError(ErrorCode.Closed, 'the client was closed');
    this.own.checkRoom();
    return this.state !== undefined;
  }

  written(): void {
    if (this.buffer.count >= BATCH_COMMANDS_MAX || this.buffer.size >= BATCH_BYTES_MAX) {
      this.endTurn();
    } else if (!this.turnScheduled) {
      this.turnScheduled = true;
      queueMicrotask(() => {
        this.turnScheduled = false;
        this.endTurn();
      });
    }
  }

  onAnswer(receive: (payload: ByteReader) => void): void {
    if (this.shown !== undefined) this.shown.receive = receive;
    else this.receivers.set(this.buffer.count - 1, receive);
  }

  openMap(handle: number, map: MirroredMap): void {
    this.closing.delete(handle);
    this.loading.set(handle, this.loading.get(handle) ?? []);
    if (this.attached) this.send({ type: 'open', map: requestOf(handle, map) });
  }

  closeMap(handle: number): void {
    this.endTurn();
    this.closing.add(handle);
    this.finishClosing();
  }

  /** Resolves when the mirror of this map shows what the leader has. */
  loaded(handle: number): Promise<void> {
    const waiting = this.loading.get(handle);
    if (waiting === undefined) return Promise.resolve();
    return new Promise((resolve) => waiting.push(resolve));
  }

  position(): { sequence: number; pending: number } {
    this.endTurn();
    const pending = (this.state?.pending ?? 0) + this.own.unexecuted.length;
    return { sequence: 0, pending };
  }

  root(handle: number): RootOf | undefined {
    this.endTurn();
    return this.roots.get(handle);
  }

  flush(level: number, timeoutMs: number | undefined): Promise<void> {
    this.endTurn();
    return new Promise((resolve, reject) => {
      const id = ++this.flushIds;
      const timer =
        timeoutMs === undefined
          ? undefined
          : setTimeout(() => end(() => reject(new TopGunError(ErrorCode.TimedOut, 'flush'))), timeoutMs);
      const end = (settle: () => void): void => {
        clearTimeout(timer);
        this.flushes.delete(id);
        settle();
      };
      const flush = { level, resolve: () => end(resolve), reject: (error: TopGunError) => end(() => reject(error)) };
      this.flushes.set(id, flush);
      if (this.attached) this.send({ type: 'flush', id, level });
    });
  }

  /** Lets the node answer a query, through the leader. Every leader is asked anew. */
  ask(code: Command, number: number, rest: Uint8Array): void {
    if (this.attached) this.send({ type: 'ask', code, number, rest });
  }

  /** Waits until what was written is stored, and says goodbye. */
  async close(): Promise<void> {
    this.endTurn();
    this.closed = true;
    if (this.own.all.length > 0) {
      await this.flush(0, CLOSE_MS_MAX).catch((error: TopGunError) => this.session.events.error(error));
    }
    for (const { reject } of [...this.flushes.values()]) {
      reject(new TopGunError(ErrorCode.Closed, 'the client was closed'));
    }
    this.send({ type: 'bye' });
    this.attached = false;
  }

  /**
   * Ends following, because our own replica takes over: what it shall run first, and what is left to
   * do when it has.
   */
  retire(): { writes: Uint8Array[]; finish: () => void } {
    this.endTurn();
    this.attached = false;
    // Nobody leads us any more.
    this.epoch = Infinity;
    const finish = (): void => {
      for (const handle of this.closing) this.session.closeMap(handle);
      for (const { level, resolve, reject } of [...this.flushes.values()]) {
        this.session.flush(level, undefined).then(resolve, reject);
      }
      for (const handle of [...this.loading.keys()]) this.mapLoaded(handle);
    };
    return { writes: this.own.all.map(({ bytes }) => bytes), finish };
  }

  /** Numbers what was written and sends it. */
  private endTurn(): void {
    if (this.buffer.empty) return;
    const writes = splitRequest(this.buffer.request(NO_TIME));
    for (const write of writes) relay(this.relays, this.tab.bytes, ++this.numbers, write);
    const relays = splitRequest(this.relays.request(NO_TIME).slice());
    const first = this.numbers - relays.length + 1;
    relays.forEach((relay, index) => {
      this.own.add(first + index, relay, this.receivers.get(index));
    });
    this.relays.reset();
    this.buffer.reset();
    this.receivers.clear();
    if (this.attached) this.sendCommands(relays);
  }

  private sendCommands(relays: readonly Uint8Array[]): void {
    if (relays.length > 0) this.send({ type: 'commands', commands: concatenate(relays) });
  }

  private send(message: DistributedOmit<Extract<FollowerMessage, { tab: string }>, 'epoch' | 'tab'>): void {
    this.channel.post({ ...message, epoch: this.epoch, tab: this.tab.name } as FollowerMessage);
  }

  // What the leader says.

  private receive(message: TabMessage): void {
    if (message.type === 'settings') return this.session.adopt(message);
    if (message.type === 'lead') return this.follow(message.epoch);
    if (!('epoch' in message) || message.epoch !== this.epoch) return;
    if ('tab' in message && message.tab !== this.tab.name) return;
    // Events are older than what was written before they were read.
    this.endTurn();
    // A leader that introduced itself twice was asked twice, too.
    if (message.type === 'attached' && !this.attached) this.attach(message);
    if (!this.attached) return;
    switch (message.type) {
      case 'map':
        this.load(message.handle, message.snapshot);
        break;
      case 'turn':
        this.take(message);
        break;
      case 'stored':
        this.own.stored(message.number);
        this.finishClosing();
        break;
      case 'flushed':
        this.flushed(message);
        break;
      case 'asked':
        this.answered(message);
        break;
      case 'notice': {
        const { notice } = message;
        if (notice.type === 'status') this.update({ status: notice.status });
        if (notice.type === 'transport') this.update({ transport: notice.transport });
        if (notice.type === 'persistence') this.update({ persistence: notice.level });
        if (notice.type === 'replaced') this.update({ replicaId: notice.replica });
        this.session.receive(notice);
      }
    }
    this.notify();
    if (message.type === 'turn') this.session.events.stored();
  }

  private update(change: Partial<SharedState>): void {
    if (this.state !== undefined) this.state = { ...this.state, ...change };
  }

  /** Turns to a leader, unless it is the one we have or one before it. */
  private follow(epoch: number): void {
    if (epoch < this.epoch || (epoch === this.epoch && this.attached)) return;
    this.epoch = epoch;
    this.attached = false;
    this.endTurn();
    const maps = Array.from(this.session.replica.maps, ([handle, map]) => requestOf(handle, map));
    this.send({ type: 'attach', maps });
  }

  private attach({ executed, maps, state }: Message<'attached'>): void {
    const first = this.state === undefined;
    this.attached = true;
    this.state = state;
    this.handles = new Map();
    this.own.reset(executed);
    for (const map of maps) this.load(map.handle, map);
    // A map that was opened meanwhile, or that the leader refuses.
    const known = new Set(maps.map(({ handle }) => handle));
    for (const [handle, map] of this.session.replica.maps) {
      if (!known.has(handle)) this.send({ type: 'open', map: requestOf(handle, map) });
    }
    this.sendCommands(this.own.unexecuted.map(({ bytes }) => bytes));
    for (const [id, { level }] of this.flushes) this.send({ type: 'flush', id, level });
    this.session.replica.queries?.askAgain();
    this.session.events.status(state.status);
    if (first) this.begin(state);
  }

  private begin({ serverUrl, online }: SharedState): void {
    this.session.adopt({ online });
    if (serverUrl !== this.session.serverUrl) {
      const detail = `another tab syncs this store with ${serverUrl ?? 'no server'}`;
      this.session.events.error(new TopGunError(ErrorCode.InvalidArgument, detail));
    }
    this.ready();
  }

  /** Brings the mirror of one map to what the leader has, and shows our writes to come on top. */
  private load(handle: number, snapshot: MapSnapshot | undefined): void {
    const map = this.session.replica.maps.get(handle);
    if (snapshot === undefined) {
      const detail = `the map ${map?.name} is open as another kind in another tab`;
      this.session.events.error(new TopGunError(ErrorCode.TypeMismatch, detail));
    } else if (map !== undefined) {
      this.handles.set(snapshot.leaderHandle, handle);
      this.roots.set(handle, { root: snapshot.root, count: snapshot.count });
      map.beginReload();
      readEvents(snapshot.events, (event) => {
        if ('written' in event) map.applyEvent(event);
      });
      map.endReload();
      this.own.reloaded(handle);
      for (const command of this.own.unexecuted) {
        if (command.target.map !== handle) continue;
        this.shown = command;
        map.replay(command.target, payloadAfterKey(command.bytes));
      }
      this.shown = undefined;
      this.touched.add(map);
    }
    this.mapLoaded(handle);
  }

  private mapLoaded(handle: number): void {
    for (const resolve of this.loading.get(handle) ?? []) resolve();
    this.loading.delete(handle);
  }

  /** What one batch of the leader's engine did. */
  private take({ executed, events, roots, pending }: Message<'turn'>): void {
    const settled = executed?.tab === this.tab.name ? this.settle(executed) : [];
    readEvents(events, (event) => {
      if (!('written' in event)) return;
      const handle = this.handles.get(event.map);
      if (handle === undefined) return;
      const admitted = this.own.admit({ ...event, map: handle });
      if (admitted !== undefined) this.apply(admitted);
    });
    // From the last one on, since that is the one whose effect the mirror shows.
    for (const own of settled.reverse()) for (const event of this.own.release(own)) this.apply(event);
    for (const { leaderHandle, root, count } of roots) {
      const handle = this.handles.get(leaderHandle);
      if (handle !== undefined) this.roots.set(handle, { root, count });
    }
    this.update({ pending });
  }

  private apply(event: MapEvent): void {
    const map = this.session.replica.maps.get(event.map);
    if (map === undefined) return;
    map.applyEvent(event);
    this.touched.add(map);
  }

  private settle({ number, results }: Executed): OwnCommand[] {
    const settled = this.own.execute(number);
    const awaited = new Map(settled.map((command) => [command.number, command]));
    const untrue = new Set<number>();
    for (const result of results) {
      const command = awaited.get(result.number);
      // Sent twice, as a new leader may ask for, and known already.
      if (command === undefined) continue;
      if (result.payload !== undefined) {
        command.receive?.(new ByteReader(result.payload));
        continue;
      }
      untrue.add(command.target.map);
      if (result.error !== 0) this.refused(command, result.error);
    }
    // These mirrors show what is not so, or not how it came to be: the leader shall tell all of it.
    for (const handle of untrue) {
      const map = this.session.replica.maps.get(handle);
      if (map !== undefined) this.send({ type: 'open', map: requestOf(handle, map) });
    }
    return settled;
  }

  private refused({ number, target }: OwnCommand, error: number): void {
    this.own.drop(number);
    const name = this.session.nameOf(target.map);
    this.session.events.rejected(name, target.key, errorFromCode(error));
  }

  private flushed({ id, error }: Message<'flushed'>): void {
    const flush = this.flushes.get(id);
    if (error === undefined) flush?.resolve();
    else flush?.reject(errorOf(error));
  }

  private answered({ number, code, payload }: Message<'asked'>): void {
    const event = new ByteWriter(payload.length + 10);
    event.varint(number);
    event.raw(payload);
    const { queries } = this.session.replica;
    queries?.applyEvent(code, new ByteReader(event.writer.take()));
    queries?.notify();
  }

  private finishClosing(): void {
    for (const handle of this.closing) {
      if (this.own.concern(handle)) continue;
      this.closing.delete(handle);
      this.session.replica.closeMap(handle);
      if (this.attached) this.send({ type: 'close-map', handle });
    }
  }

  private notify(): void {
    const touched = [...this.touched];
    this.touched.clear();
    for (const map of touched) map.notify();
  }
}

function requestOf(handle: number, { kind, name }: MirroredMap): MapRequest {
  return { handle, kind, name };
}
