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
  /** `local` for writes through this object, `remote` for everything else. */
  readonly origin: 'local' | 'remote';
}

/** Receives changes in the order in which they happened; one call a write or a received batch. */
export type ChangeListener<Value> = (changes: readonly Change<Value>[]) => void;

export interface SubscribeOptions {
  /** Only changes of this key. */
  readonly key?: string;
}

/**
 * What all maps share: a handle in the engine, a mirror of decoded values for synchronous reads, and
 * listeners. The mirror equals the engine's state whenever no command is waiting in the buffer.
 */
export abstract class Collection<Value> {
  /** The name under which replicas share this map. */
  readonly name: string;
  protected readonly sink: WriteSink;
  protected readonly handle: number;
  private readonly listeners = new Map<ChangeListener<Value>, string | undefined>();
  private changes: Change<Value>[] = [];
  private isClosed = false;

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
   * Calls `listener` after every change, of this replica or of others. Returns a function that ends
   * the subscription.
   */
  subscribe(listener: ChangeListener<Value>, options: SubscribeOptions = {}): () => void {
    // A listener of its own, so that the same function may be passed twice.
    const own: ChangeListener<Value> = (changes) => listener(changes);
    this.listeners.set(own, options.key);
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
    if (this.changes.length === 0) return;
    const changes = this.changes;
    this.changes = [];
    for (const [listener, key] of [...this.listeners]) {
      const wanted = key === undefined ? changes : changes.filter((change) => change.key === key);
      if (wanted.length > 0) callListener(() => listener(wanted));
    }
  }
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
