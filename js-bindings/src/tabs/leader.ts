import { Command, splitCommands, writeTarget, type CommandAnswer } from '../bindings/commands.js';
import type { EngineEvent } from '../bindings/events.js';
import { onTab, relayNumber, relayTo, watch } from '../bindings/tab-commands.js';
import type { ReplicaTap } from '../client/replica-events.js';
import type { Replica } from '../client/replica.js';
import { partsOf, type Session, type TabNotice } from '../client/session.js';
import { ErrorCode, asTopGunError } from '../errors.js';
import type { TabChannel } from './channel.js';
import type {
  CommandResult,
  DistributedOmit,
  Executed,
  FollowerMessage,
  LeaderMessage,
  MapRequest,
  MapSnapshot,
  TabMessage,
} from './messages.js';
import { concatenate, tabBytes } from './tab.js';
import { TabAsks } from './tab-asks.js';

/** What a tab said before it died may still be on its way for this long. */
const LAST_WORDS_MS = 1_000;

type Message<Type extends FollowerMessage['type']> = Extract<FollowerMessage, { type: Type }>;

/** A tab that follows us. */
interface FollowingTab {
  /** Our handles by the tab's. */
  readonly handles: Map<number, number>;
}

/** Commands of a tab that the store holds once this transaction is done. */
interface Unstored {
  readonly transaction: number;
  readonly tab: string;
  readonly number: number;
}

/**
 * The tab that holds the store, as seen by the others: executes their commands in our replica, once
 * each, and passes on what the engine reports about the maps that they have open. What happens to the
 * replica itself is not its business.
 */
export class Leader implements ReplicaTap {
  private readonly session: Session;
  private readonly replica: Replica;
  private readonly channel: TabChannel;
  private epoch: number;
  private readonly tabs = new Map<string, FollowingTab>();
  private readonly asks: TabAsks;
  /** Maps that tabs have open, by our handles. */
  private readonly watched = new Set<number>();
  private unstored: Unstored[] = [];

  // What goes into the next message about a turn.
  private events: Uint8Array[] = [];
  private readonly touched = new Set<number>();
  private executed: Executed | undefined;
  private pending = 0;

  /** Events of a map that the engine reports for one tab. */
  private captured: Uint8Array[] | undefined;
  private reportingToOurselves = false;
  /** While a tab is told where things stand, what happens meanwhile comes after. */
  private holding = false;

  constructor(session: Session, channel: TabChannel, epoch: number) {
    this.session = session;
    this.replica = session.replica;
    this.channel = channel;
    this.epoch = epoch;
    this.asks = new TabAsks(this.replica.host, (tab, number, code, payload) =>
      this.send({ type: 'asked', tab, number, code, payload }),
    );
    this.replica.tap = this;
    channel.listen((message) => this.receive(message));
    this.send({ type: 'lead' });
  }

  /** The engine was replaced: everybody shall begin anew. */
  restart(): void {
    this.send({ type: 'lead' });
  }

  engineLost(): void {
    this.epoch++;
    for (const tab of this.tabs.keys()) this.tabs.set(tab, { handles: new Map() });
    this.watched.clear();
    this.asks.clear();
    this.unstored = [];
    this.events = [];
    this.touched.clear();
    this.executed = undefined;
  }

  report(notice: TabNotice): void {
    if (this.tabs.size > 0) this.send({ type: 'notice', notice });
  }

  close(): void {
    this.replica.tap = undefined;
  }

  // ReplicaTap: what happens in our replica.

  takes(event: EngineEvent, events: Uint8Array, start: number, end: number): boolean {
    if (event.type === 'query') return this.asks.takes(event);
    if (!('written' in event)) return this.captured !== undefined;
    if (this.captured !== undefined && !event.written) {
      this.captured.push(events.slice(start, end));
      return true;
    }
    if (this.watched.has(event.map) && (event.written || !this.reportingToOurselves)) {
      this.events.push(events.slice(start, end));
      this.touched.add(event.map);
    }
    return event.written;
  }

  turnEnded(): void {
    if (this.tabs.size === 0 || this.holding) return;
    const { pending } = this.replica.lastSequence();
    const nothingNew = this.events.length === 0 && this.executed === undefined;
    if (nothingNew && pending === this.pending) return;
    const { executed } = this;
    const events = concatenate(this.events);
    const roots = [...this.touched].flatMap((handle) => {
      const root = this.replica.root(handle);
      return root === undefined ? [] : { leaderHandle: handle, ...root };
    });
    this.events = [];
    this.touched.clear();
    this.executed = undefined;
    this.pending = pending;
    this.send({ type: 'turn', executed, events, roots, pending });
  }

  stored(transaction: number): void {
    const done = this.unstored.filter((each) => each.transaction <= transaction);
    this.unstored = this.unstored.filter((each) => each.transaction > transaction);
    const numbers = new Map(done.map(({ tab, number }) => [tab, number]));
    for (const [tab, number] of numbers) this.send({ type: 'stored', tab, number });
  }

  uses(handle: number): boolean {
    return this.watched.has(handle);
  }

  forOurselves(report: () => void): void {
    this.replica.host.flush();
    this.reportingToOurselves = true;
    report();
    this.reportingToOurselves = false;
  }

  // What the tabs say.

  private receive(message: TabMessage): void {
    if (message.type === 'settings') return this.session.adopt(message);
    if (!this.replica.started) return;
    if (message.type === 'hello') return this.send({ type: 'lead' });
    if (!('tab' in message) || message.epoch !== this.epoch) return;
    if (message.type === 'attach') return this.attach(message);
    const tab = this.tabs.get(message.tab);
    if (tab === undefined) return;
    switch (message.type) {
      case 'open':
        return this.open(message, tab);
      case 'close-map':
        tab.handles.delete(message.handle);
        return this.unwatch();
      case 'commands':
        return this.execute(message, tab);
      case 'flush':
        return this.flush(message);
      case 'ask':
        return this.asks.execute(message.tab, message);
      case 'bye':
        return this.forget(message.tab);
    }
  }

  private attach({ tab: name, maps }: Message<'attach'>): void {
    if (!this.tabs.has(name)) {
      this.channel.whenGone(name, () => setTimeout(() => this.forget(name), LAST_WORDS_MS));
    }
    const tab = { handles: new Map<number, number>() };
    this.tabs.set(name, tab);
    // It asks everything anew.
    this.asks.forget(name);
    this.hold(() => {
      const snapshots = maps.flatMap((map) => this.snapshot(tab, map) ?? []);
      const executed = this.cursorOf(name);
      const state = { ...this.session.state, pending: this.replica.lastSequence().pending };
      this.send({ type: 'attached', tab: name, executed, maps: snapshots, state });
      this.noteUnstored(name, executed, this.replica.lastTransaction);
    });
    if (this.replica.allStored) this.stored(this.replica.lastTransaction);
  }

  private open({ tab: name, map }: Message<'open'>, tab: FollowingTab): void {
    this.hold(() => {
      const snapshot = this.snapshot(tab, map);
      this.send({ type: 'map', tab: name, handle: map.handle, snapshot });
    });
  }

  /** The whole map, and everything that happens to it from now on; nothing if it cannot be had. */
  private snapshot(tab: FollowingTab, { handle, kind, name }: MapRequest): MapSnapshot | undefined {
    const { host } = this.replica;
    const leaderHandle = this.session.handleOf(name);
    host.flush();
    const captured: Uint8Array[] = [];
    this.captured = captured;
    let opened = true;
    host.runAside(
      (buffer) => buffer.openMap(leaderHandle, kind, name),
      ({ error }) => {
        opened = error === 0;
      },
    );
    this.captured = undefined;
    const root = opened ? this.replica.root(leaderHandle) : undefined;
    if (root === undefined) return undefined;
    tab.handles.set(handle, leaderHandle);
    this.watched.add(leaderHandle);
    host.tell((buffer) => watch(buffer, leaderHandle, true));
    return { handle, leaderHandle, events: concatenate(captured), ...root };
  }

  private execute({ tab: name, commands }: Message<'commands'>, tab: FollowingTab): void {
    const { replica } = this;
    const numbers: number[] = [];
    const results: CommandResult[] = [];
    const before = replica.lastTransaction;
    let executed = 0;
    const visit = ({ index, error, payload }: CommandAnswer): void => {
      const number = numbers[index]!;
      const repeated = error === 0 && payload.u8() !== 0;
      if (error === 0) executed = number;
      if (error === 0 && !repeated && payload.done) return;
      const answer = error !== 0 || repeated ? undefined : payload.raw(payload.end - payload.offset).slice();
      results.push({ number, error, payload: answer });
    };
    this.hold(() => {
      replica.host.runAside((buffer) => {
        for (const relay of splitCommands(commands)) {
          const handle = tab.handles.get(writeTarget(relay)!.map);
          numbers.push(relayNumber(relay));
          // Without a map the engine refuses it, which is the answer.
          relayTo(buffer, handle ?? 0, relay);
        }
      }, visit);
      const number = numbers[numbers.length - 1]!;
      if (replica.started) this.executed = { tab: name, number, results };
    });
    // Without a transaction of its own it goes into the next, because storing has failed.
    const after = replica.lastTransaction;
    if (executed > 0) this.noteUnstored(name, executed, after > before ? after : after + 1);
  }

  private noteUnstored(tab: string, number: number, transaction: number): void {
    const failing = this.replica.storeFailed ? 1 : 0;
    if (number > 0) this.unstored.push({ tab, number, transaction: transaction + failing });
  }

  private flush({ tab, id, level }: Message<'flush'>): void {
    this.session.flush(level, undefined).then(
      () => this.send({ type: 'flushed', tab, id, error: undefined }),
      (cause: unknown) => {
        // When we close, whoever leads next is asked again.
        const error = partsOf(asTopGunError(cause, ErrorCode.Internal));
        if (error.code !== ErrorCode.Closed) this.send({ type: 'flushed', tab, id, error });
      },
    );
  }

  private forget(name: string): void {
    if (!this.tabs.delete(name) || !this.replica.started) return;
    this.asks.forget(name);
    this.replica.host.tell((buffer) => onTab(buffer, Command.ForgetTab, tabBytes(name)));
    this.unwatch();
  }

  /** Lets go of maps that no tab has open any more. */
  private unwatch(): void {
    const used = new Set([...this.tabs.values()].flatMap(({ handles }) => [...handles.values()]));
    for (const handle of this.watched) {
      if (used.has(handle)) continue;
      this.watched.delete(handle);
      const ours = this.replica.maps.has(handle);
      this.replica.host.tell((buffer) => {
        watch(buffer, handle, false);
        if (!ours) buffer.onMap(Command.Unsubscribe, handle);
      });
    }
  }

  private cursorOf(name: string): number {
    const cursor = this.replica.host.ask(
      (buffer) => onTab(buffer, Command.TabCursor, tabBytes(name)),
      (payload) => payload.varint(),
    );
    return cursor ?? 0;
  }

  /** Runs `tell` and sends what happened meanwhile after what it sends. */
  private hold(tell: () => void): void {
    this.holding = true;
    tell();
    this.holding = false;
    if (this.replica.started) this.turnEnded();
  }

  private send(message: DistributedOmit<LeaderMessage, 'epoch'>): void {
    // What was under way when the engine was lost is told by the next one.
    if (!this.replica.started) return;
    this.channel.post({ ...message, epoch: this.epoch } as LeaderMessage);
  }
}
