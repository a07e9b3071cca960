import type { CommandBuffer, MapKind, WriteTarget } from '../bindings/commands.js';
import type { EngineEvent } from '../bindings/events.js';
import type { ByteReader } from '../bindings/reader.js';
import { ErrorCode, TopGunError } from '../errors.js';
import { callListener } from './emitter.js';

/** The events of the engine that concern one map. */
export type MapEvent = Extract<EngineEvent, { type: 'entry' | 'element' | 'counter' }>;

/** What a collection needs from the client: a place for its commands. */
export interface WriteSink {
  /** The request under construction. Commands are appended to it and sent by `written`. */
  readonly buffer: CommandBuffer;
  /** False before the start has finished: writes must be deferred. Throws when closed. */
  acceptsWrites(): boolean;
  /** Repeats a write once the start has finished. */
  defer(write: () => void): void;
  /** Says that one command was appended; it leaves at the end of this turn or when many are there. */
  written(): void;
  /** Asks for the payload that answers the command just appended; before `written`. */
  onAnswer(receive: (payload: ByteReader) => void): void;
  /** Resolves when the mirror of this map shows everything that is stored. */
  loaded(handle: number): Promise<void>;
  /** Ends the map of this handle. */
  closeMap(handle: number): void;
}

/** A map as the replica sees it: the same for all kinds, whatever they hold. */
export interface MirroredMap {
  readonly name: string;
  readonly kind: MapKind;
  readonly closed: boolean;
  /** Takes over one event of the engine. */
  applyEvent(event: MapEvent): void;
  /** The engine is about to report the whole map again. */
  beginReload(): void;
  /** The engine has reported the whole map. */
  endReload(): void;
  /** Applies an encoded write of this map to the mirror; `payload` is what follows the key. */
  replay(target: WriteTarget, payload: ByteReader): void;
  /** Tells the listeners what has changed since the last call. */
  notify(): void;
}

/** One change of one key, as a listener sees it. */
export interface Change<Value> {
  readonly key: string;
  /** The value after the change; `undefined` when there is none any more. */
  readonly value: Value | undefined;
  /** The value before the change; `undefined` when there was none. */
  readonly previous: Value | undefined;
  /**
   * `local` for writes through this object; `remote` for everything else: writes of others, values
   * that expired, writes of our own that were refused and taken back.
   */
  readonly origin: 'local' | 'remote';
}

/** Receives changes in the order in which they happened; one call a write or a received batch. */
export type ChangeListener<Value> = (changes: readonly Change<Value>[]) => void;

/** Receives the changes of one key, one by one. */
export type KeyListener<Value> = (change: Change<Value>) => void;

type Listener<Value> =
  | { readonly all: ChangeListener<Value> }
  | { readonly key: string; readonly each: KeyListener<Value> };

/**
 * What all maps share: a handle in the engine, a mirror of decoded values for synchronous reads, and
 * listeners. The mirror equals the engine's state whenever no command is waiting in the buffer.
 */
export abstract class Collection<Value> {
  /** The name under which replicas share this map. */
  readonly name: string;
  protected readonly sink: WriteSink;
  protected readonly handle: number;
  private readonly listeners = new Set<Listener<Value>>();
  private changes: Change<Value>[] = [];
  private isClosed = false;
  /** Grows with every change, observed or not: who has seen this number has seen the map. @internal */
  version = 0;

  protected constructor(sink: WriteSink, handle: number, name: string) {
    this.sink = sink;
    this.handle = handle;
    this.name = name;
  }

  /** @internal */
  abstract readonly kind: MapKind;

  /** @internal */
  abstract applyEvent(event: MapEvent): void;

  /** @internal */
  abstract beginReload(): void;

  /** @internal */
  abstract endReload(): void;

  /** @internal */
  abstract replay(target: WriteTarget, payload: ByteReader): void;

  /**
   * Resolves when reads see everything that is stored. After `start` that is at once, except in a tab
   * that follows another one, which has to fetch a map that was not open before.
   */
  loaded(): Promise<void> {
    return this.sink.loaded(this.handle);
  }

  /**
   * Calls `listener` after every write to the map and every batch from elsewhere, with the changes
   * before and after. The map shows all of them by then, and the listener may read and write. Returns
   * a function that ends the subscription.
   *
   * @example
   * ```ts
   * import { TopGunClient } from 'topgun';
   *
   * const client = new TopGunClient();
   * await client.start();
   * const scores = client.getMap<number>('scores');
   * scores.subscribe((changes) => {
   *   for (const { key, value, previous, origin } of changes) console.log(key, previous, value, origin);
   * });
   * const stop = scores.subscribe('ann', ({ value }) => console.log(value));
   * scores.set('ann', 3); // ann undefined 3 local, then 3
   * stop();
   * await client.close();
   * ```
   */
  subscribe(listener: ChangeListener<Value>): () => void;
  /** Calls `listener` after every change of `key`, once for each. */
  subscribe(key: string, listener: KeyListener<Value>): () => void;
  subscribe(first: ChangeListener<Value> | string, second?: KeyListener<Value>): () => void {
    // A listener of its own, so that the same function may be passed twice.
    const own = typeof first === 'string' ? ofKey(first, second) : { all: first };
    this.listeners.add(own);
    return () => this.listeners.delete(own);
  }

  /**
   * Stops syncing this map in this client and frees its memory. What was written stays in the outbox
   * and is still sent. The object cannot be used afterwards; `client` opens the map anew.
   */
  close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.listeners.clear();
    this.sink.closeMap(this.handle);
  }

  /** True after `close`. */
  get closed(): boolean {
    return this.isClosed;
  }

  /** True while anyone wants to hear of changes. */
  protected get observed(): boolean {
    return this.listeners.size > 0;
  }

  protected record(change: Change<Value>): void {
    this.changes.push(change);
  }

  /** True if a write may go into the buffer now; otherwise it is for `defer`. */
  protected writable(): boolean {
    if (this.isClosed) throw new TopGunError(ErrorCode.Closed, `the map ${this.name} was closed`);
    return this.sink.acceptsWrites();
  }

  /** Tells the listeners what was recorded. @internal */
  notify(): void {
    this.version++;
    if (this.changes.length === 0) return;
    const changes = this.changes;
    this.changes = [];
    for (const listener of [...this.listeners]) {
      if ('all' in listener) {
        callListener(() => listener.all(changes));
        continue;
      }
      for (const change of changes) {
        // It may have ended its subscription at the change before.
        const isWanted = change.key === listener.key && this.listeners.has(listener);
        if (isWanted) callListener(() => listener.each(change));
      }
    }
  }
}

function ofKey<Value>(key: string, listener: KeyListener<Value> | undefined): Listener<Value> {
  if (listener === undefined) {
    throw new TopGunError(ErrorCode.InvalidArgument, 'a subscription to a key takes a listener');
  }
  return { key, each: listener };
}

/** Milliseconds to live as a command carries them: 0 for none. */
export function ttlOf(options: { readonly ttlMs?: number } | undefined): number {
  const ttlMs = options?.ttlMs;
  if (ttlMs === undefined) return 0;
  if (!Number.isSafeInteger(ttlMs) || ttlMs < 1) {
    throw new TopGunError(ErrorCode.InvalidArgument, 'ttlMs is a whole number of at least 1');
  }
  return ttlMs;
}
