import { Command, MapKind, type WriteTarget } from '../bindings/commands.js';
import type { ByteReader } from '../bindings/reader.js';
import { Collection, ttlOf, type MapEvent, type WriteSink } from './collection.js';
import { decodeFrozen, frozenCopy, sameValue } from './values.js';

export interface WriteOptions {
  /** Milliseconds after which the entry is gone, on every replica; listeners are told. */
  readonly ttlMs?: number;
}

/**
 * A map in which the last write of a key wins, by hybrid logical clock. Reads and writes are
 * synchronous and work offline; writes are stored and sent in the background.
 *
 * Values are what `JSON` knows plus `Date`, `bigint` and `Uint8Array`. What `get` returns is a frozen
 * copy: to change a value, `set` a new one.
 *
 * @example
 * ```ts
 * import { TopGunClient } from 'topgun';
 *
 * interface Todo { title: string; done: boolean }
 * const client = new TopGunClient();
 * await client.start();
 * const todos = client.getMap<Todo>('todos');
 * todos.set('1', { title: 'Milk', done: false });
 * console.log(todos.get('1')?.title, todos.size); // Milk 1
 * await client.close();
 * ```
 */
export class LwwMap<T> extends Collection<T> {
  /** @internal */
  readonly kind = MapKind.Lww;
  private readonly mirror = new Map<string, T>();
  /**
   * When entries with a time to live end. Empty for most maps, and then reads cost nothing more. The
   * engine says when an entry is gone; until its timer has run, reads pass over it by these.
   */
  private readonly expiries = new Map<string, number>();
  private reloading: Set<string> | undefined;
  /** Counts beginnings and ends: what it showed before may never have been so. @internal */
  reloads = 0;

  /** @internal Opened by {@link TopGunClient.getMap}. */
  constructor(sink: WriteSink, handle: number, name: string) {
    super(sink, handle, name);
  }

  /** The value of `key`, frozen; `undefined` if there is none. O(1). */
  get(key: string): T | undefined {
    return this.hasExpired(key) ? undefined : this.mirror.get(key);
  }

  /** True if `key` has a value. O(1). */
  has(key: string): boolean {
    return this.mirror.has(key) && !this.hasExpired(key);
  }

  /** Entries in the map. */
  get size(): number {
    let size = this.mirror.size;
    for (const key of this.expiries.keys()) if (this.hasExpired(key)) size--;
    return size;
  }

  /**
   * Writes a value. The change is visible to `get` at once, and other replicas receive it when they
   * can. Throws {@link TopGunError} if the key (1 to 1024 bytes) or the value cannot be stored.
   */
  set(key: string, value: T, options?: WriteOptions): void {
    if (!this.writable()) return this.sink.defer(() => this.set(key, value, options));
    const ttlMs = options === undefined ? 0 : ttlOf(options);
    this.sink.buffer.set(this.handle, key, ttlMs, value);
    this.put(key, frozenCopy(value) as T, ttlMs === 0 ? 0 : Date.now() + ttlMs, 'local');
    this.sink.written();
    this.notify();
  }

  /** Removes `key`. Returns whether it had a value. */
  delete(key: string): boolean {
    const existed = this.has(key);
    if (!this.writable()) {
      this.sink.defer(() => this.delete(key));
      return existed;
    }
    this.sink.buffer.remove(this.handle, key);
    this.drop(key, 'local');
    this.sink.written();
    this.notify();
    return existed;
  }

  /** The keys, in no particular order. Writing while iterating behaves as with a JavaScript Map. */
  keys(): IterableIterator<string> {
    return this.expiries.size === 0 ? this.mirror.keys() : this.unexpired(([key]) => key);
  }

  /** The values, in the order of `keys`. */
  values(): IterableIterator<T> {
    return this.expiries.size === 0 ? this.mirror.values() : this.unexpired(([, value]) => value);
  }

  /** Keys with their values, in the order of `keys`. */
  entries(): IterableIterator<[string, T]> {
    return this.expiries.size === 0 ? this.mirror.entries() : this.unexpired((entry) => entry);
  }

  [Symbol.iterator](): IterableIterator<[string, T]> {
    return this.entries();
  }

  /** What the engine holds, though its time may have passed. @internal */
  peek(key: string): T | undefined {
    return this.mirror.get(key);
  }

  /** @internal */
  applyEvent(event: MapEvent): void {
    if (event.type !== 'entry') return;
    this.reloading?.delete(event.key);
    if (event.value === undefined) return this.drop(event.key, 'remote');
    const value = decodeFrozen(event.value) as T;
    const known = this.reloading === undefined ? undefined : this.mirror.get(event.key);
    // Most of what is loaded again has not changed: the same object says so to everyone.
    const same = known !== undefined && sameValue(known, value);
    if (!same || event.expiresAtMs !== 0) this.put(event.key, value, event.expiresAtMs, 'remote');
  }

  /** @internal */
  beginReload(): void {
    this.reloads++;
    this.reloading = new Set(this.mirror.keys());
  }

  /** @internal */
  endReload(): void {
    this.reloads++;
    for (const key of this.reloading ?? []) this.drop(key, 'remote');
    this.reloading = undefined;
  }

  /** @internal */
  replay(target: WriteTarget, payload: ByteReader): void {
    if (target.code === Command.Remove) return this.drop(target.key, 'remote');
    const ttlMs = payload.varint();
    const { bytes, offset, end } = payload;
    const value = decodeFrozen({ bytes, offset, length: end - offset }) as T;
    this.put(target.key, value, ttlMs === 0 ? 0 : Date.now() + ttlMs, 'remote');
  }

  private put(key: string, value: T, expiresAtMs: number, origin: 'local' | 'remote'): void {
    if (this.observed) this.record({ key, value, previous: this.mirror.get(key), origin });
    this.mirror.set(key, value);
    if (expiresAtMs !== 0) this.expiries.set(key, expiresAtMs);
    else if (this.expiries.size > 0) this.expiries.delete(key);
  }

  private drop(key: string, origin: 'local' | 'remote'): void {
    const previous = this.mirror.get(key);
    if (!this.mirror.delete(key)) return;
    this.expiries.delete(key);
    if (this.observed) this.record({ key, value: undefined, previous, origin });
  }

  private hasExpired(key: string): boolean {
    if (this.expiries.size === 0) return false;
    const expiresAtMs = this.expiries.get(key);
    return expiresAtMs !== undefined && expiresAtMs <= Date.now();
  }

  private *unexpired<R>(pick: (entry: [string, T]) => R): IterableIterator<R> {
    for (const entry of this.mirror) if (!this.hasExpired(entry[0])) yield pick(entry);
  }
}
