import { MapKind, type WriteTarget } from '../bindings/commands.js';
import type { ByteReader } from '../bindings/reader.js';
import { ErrorCode, TopGunError } from '../errors.js';
import {
  Collection,
  type Change,
  type MapEvent,
  type WriteSink,
} from './collection.js';

/** A map of counters; applications see its keys one by one, as {@link PNCounter}. */
export class CounterMap extends Collection<number> {
  /** @internal */
  readonly kind = MapKind.Counter;
  private readonly mirror = new Map<string, bigint>();
  private reloading: Set<string> | undefined;

  /** @internal */
  constructor(sink: WriteSink, handle: number, name: string) {
    super(sink, handle, name);
  }

  get(key: string): number {
    return Number(this.mirror.get(key) ?? 0n);
  }

  add(key: string, amount: number): void {
    if (!Number.isSafeInteger(amount)) {
      throw new TopGunError(ErrorCode.InvalidArgument, 'a counter moves by whole numbers');
    }
    if (!this.writable()) return this.sink.defer(() => this.add(key, amount));
    this.sink.buffer.counterAdd(this.handle, key, amount);
    this.put(key, (this.mirror.get(key) ?? 0n) + BigInt(amount), 'local');
    this.sink.written();
    this.notify();
  }

  /** @internal */
  applyEvent(event: MapEvent): void {
    if (event.type !== 'counter') return;
    this.reloading?.delete(event.key);
    this.put(event.key, event.value, 'remote');
  }

  /** @internal */
  beginReload(): void {
    this.reloading = new Set(this.mirror.keys());
  }

  /** @internal */
  endReload(): void {
    for (const key of this.reloading ?? []) this.put(key, 0n, 'remote');
    this.reloading = undefined;
  }

  /** @internal */
  replay(target: WriteTarget, payload: ByteReader): void {
    const amount = BigInt.asIntN(64, payload.bigU64());
    this.put(target.key, (this.mirror.get(target.key) ?? 0n) + amount, 'remote');
  }

  private put(key: string, value: bigint, origin: 'local' | 'remote'): void {
    const previous = this.mirror.get(key);
    this.mirror.set(key, BigInt.asIntN(64, value));
    if (!this.observed || previous === value) return;
    this.record({
      key,
      value: Number(value),
      previous: previous === undefined ? undefined : Number(previous),
      origin,
    });
  }
}

/**
 * A counter that any number of replicas raise and lower at the same time without losing a step
 * (PN counter). Exact for every replica up to 2^63; as a JavaScript number, up to 2^53.
 *
 * @example
 * ```ts
 * import { TopGunClient } from 'topgun';
 *
 * const client = new TopGunClient();
 * await client.start();
 * const likes = client.getPNCounter('likes', 'post-1');
 * likes.increment();
 * console.log(likes.addAndGet(4)); // 5
 * await client.close();
 * ```
 */
export class PNCounter {
  /** The map of counters that this one belongs to. */
  readonly name: string;
  /** This counter's key in the map. */
  readonly key: string;
  private readonly counters: CounterMap;

  /** @internal Opened by {@link TopGunClient.getPNCounter}. */
  constructor(counters: CounterMap, key: string) {
    this.counters = counters;
    this.name = counters.name;
    this.key = key;
  }

  /** The sum of all steps that this replica knows of. */
  get(): number {
    return this.counters.get(this.key);
  }

  /** Adds 1 and returns the new value. */
  increment(): number {
    return this.addAndGet(1);
  }

  /** Subtracts 1 and returns the new value. */
  decrement(): number {
    return this.addAndGet(-1);
  }

  /** Adds a whole number, which may be negative, and returns the new value. */
  addAndGet(amount: number): number {
    this.counters.add(this.key, amount);
    return this.get();
  }

  /**
   * Calls `listener` after every change of this counter, with the new value and the change it was.
   * Returns a function that ends it.
   */
  subscribe(listener: (value: number, change: Change<number>) => void): () => void {
    return this.counters.subscribe(this.key, (change) => listener(change.value ?? 0, change));
  }
}
