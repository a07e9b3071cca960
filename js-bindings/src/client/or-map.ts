import { Command, MapKind, type WriteTarget } from '../bindings/commands.js';
import { readTag } from '../bindings/events.js';
import type { ByteReader } from '../bindings/reader.js';
import { Collection, ttlOf, type MapEvent, type WriteSink } from './collection.js';
import type { WriteOptions } from './lww-map.js';
import { decodeFrozen, frozenCopy, sameValue } from './values.js';

interface Element<T> {
  readonly value: T;
  readonly expiresAtMs: number;
}

/** A bag before the changes that its listeners have yet to hear of. */
interface Before<T> {
  readonly elements: readonly T[] | undefined;
  readonly origin: 'local' | 'remote';
}

/**
 * A map from a key to a bag of elements: concurrent adds are all kept, and a remove takes away only
 * what its author had seen (observed-remove, add wins).
 *
 * @example
 * ```ts
 * import { TopGunClient } from 'topgun';
 *
 * const client = new TopGunClient();
 * await client.start();
 * const tags = client.getORMap<string>('tags');
 * tags.add('todo-1', 'urgent');
 * tags.add('todo-1', 'home');
 * tags.remove('todo-1', 'urgent');
 * console.log(tags.get('todo-1')); // [ 'home' ]
 * await client.close();
 * ```
 */
export class OrMap<T> extends Collection<readonly T[]> {
  /** @internal */
  readonly kind = MapKind.Or;
  /** Elements by tag, by key; a key without elements is absent. */
  private readonly mirror = new Map<string, Map<string, Element<T>>>();
  private readonly changed = new Map<string, Before<T>>();
  private timed = 0;
  private provisionalTags = 0;
  private reloading: Map<string, Set<string>> | undefined;

  /** @internal Opened by {@link TopGunClient.getORMap}. */
  constructor(sink: WriteSink, handle: number, name: string) {
    super(sink, handle, name);
  }

  /** The elements of `key`, frozen, in the order in which this replica learned of them. */
  get(key: string): T[] {
    return Array.from(this.visible(key), (element) => element.value);
  }

  /** True if `key` has an element. */
  has(key: string): boolean {
    if (this.timed === 0) return this.mirror.has(key);
    return !this.visible(key).next().done;
  }

  /** Keys that have elements. */
  get size(): number {
    if (this.timed === 0) return this.mirror.size;
    let size = 0;
    for (const _ of this.keys()) size++;
    return size;
  }

  /**
   * Adds an element to those of `key`; an equal one may be there already. Throws
   * {@link TopGunError} if the key (1 to 1024 bytes) or the value cannot be stored.
   */
  add(key: string, value: T, options?: WriteOptions): void {
    if (!this.writable()) return this.sink.defer(() => this.add(key, value, options));
    const ttlMs = ttlOf(options);
    this.sink.buffer.orAdd(this.handle, key, ttlMs, value);
    this.addLocal(key, frozenCopy(value) as T, ttlMs, 'local');
    this.sink.written();
    this.notify();
  }

  /** Removes every element of `key` that equals `value`. Returns how many there were. */
  remove(key: string, value: T): number {
    const matches = this.tagsOf(key, value);
    if (!this.writable()) {
      this.sink.defer(() => this.remove(key, value));
      return matches.length;
    }
    this.sink.buffer.orRemove(this.handle, key, value);
    for (const tag of matches) this.drop(key, tag, 'local');
    this.sink.written();
    this.notify();
    return matches.length;
  }

  /** The keys that have elements. */
  keys(): IterableIterator<string> {
    return this.timed === 0 ? this.mirror.keys() : this.visibleKeys();
  }

  /** The elements of each key, in the order of `keys`. */
  *values(): IterableIterator<T[]> {
    for (const key of this.keys()) yield this.get(key);
  }

  /** Keys with their elements. */
  *entries(): IterableIterator<[string, T[]]> {
    for (const key of this.keys()) yield [key, this.get(key)];
  }

  [Symbol.iterator](): IterableIterator<[string, T[]]> {
    return this.entries();
  }

  /** @internal */
  applyEvent(event: MapEvent): void {
    if (event.type !== 'element') return;
    this.reloading?.get(event.key)?.delete(event.tag);
    if (event.value === undefined) return this.drop(event.key, event.tag, 'remote');
    // What an element holds is settled when it is added.
    if (this.mirror.get(event.key)?.has(event.tag)) return;
    const value = decodeFrozen(event.value) as T;
    this.put(event.key, event.tag, { value, expiresAtMs: event.expiresAtMs }, 'remote');
  }

  /** @internal */
  beginReload(): void {
    this.reloading = new Map(Array.from(this.mirror, ([key, all]) => [key, new Set(all.keys())]));
  }

  /** @internal */
  endReload(): void {
    for (const [key, tags] of this.reloading ?? []) {
      for (const tag of tags) this.drop(key, tag, 'remote');
    }
    this.reloading = undefined;
  }

  /** @internal */
  replay(target: WriteTarget, payload: ByteReader): void {
    const ttlMs = target.code === Command.OrAdd ? payload.varint() : 0;
    const { bytes, offset, end } = payload;
    const value = decodeFrozen({ bytes, offset, length: end - offset }) as T;
    if (target.code === Command.OrAdd) return this.addLocal(target.key, value, ttlMs, 'remote');
    for (const tag of this.tagsOf(target.key, value)) this.drop(target.key, tag, 'remote');
  }

  /**
   * A bag that changes many times in one batch is one change: each would need copies of the whole bag.
   * @internal
   */
  override notify(): void {
    for (const [key, before] of this.changed) this.settle(key, before);
    this.changed.clear();
    super.notify();
  }

  /** Adds under a tag of our own until the engine tells the one it gave. */
  private addLocal(key: string, value: T, ttlMs: number, origin: 'local' | 'remote'): void {
    const provisional = `provisional-${++this.provisionalTags}`;
    const expiresAtMs = ttlMs === 0 ? 0 : Date.now() + ttlMs;
    this.put(key, provisional, { value, expiresAtMs }, origin);
    this.sink.onAnswer((payload) => {
      const elements = this.mirror.get(key);
      const element = elements?.get(provisional);
      if (elements === undefined || element === undefined) return;
      elements.delete(provisional);
      elements.set(readTag(payload), element);
    });
  }

  private tagsOf(key: string, value: T): string[] {
    const tags: string[] = [];
    const now = Date.now();
    for (const [tag, element] of this.mirror.get(key) ?? []) {
      if (isVisible(element, now) && sameValue(element.value, value)) tags.push(tag);
    }
    return tags;
  }

  private put(key: string, tag: string, element: Element<T>, origin: 'local' | 'remote'): void {
    this.changing(key, origin);
    let elements = this.mirror.get(key);
    if (elements === undefined) this.mirror.set(key, (elements = new Map()));
    if (element.expiresAtMs !== 0) this.timed++;
    elements.set(tag, element);
  }

  private drop(key: string, tag: string, origin: 'local' | 'remote'): void {
    const elements = this.mirror.get(key);
    if (elements === undefined || !elements.has(tag)) return;
    this.changing(key, origin);
    if (elements.get(tag)?.expiresAtMs !== 0) this.timed--;
    elements.delete(tag);
    if (elements.size === 0) this.mirror.delete(key);
  }

  private changing(key: string, origin: 'local' | 'remote'): void {
    if (!this.observed) return;
    const before = this.changed.get(key);
    if (before?.origin === origin) return;
    if (before !== undefined) this.settle(key, before);
    this.changed.set(key, { elements: this.shown(key), origin });
  }

  private settle(key: string, { elements: previous, origin }: Before<T>): void {
    const value = this.shown(key);
    // Came and went in one batch.
    if (value === undefined && previous === undefined) return;
    this.record({ key, value, previous, origin });
  }

  /** The elements as a change shows them: `undefined` when there are none. */
  private shown(key: string): readonly T[] | undefined {
    const elements = this.mirror.get(key);
    if (elements === undefined) return undefined;
    const shown: T[] = [];
    for (const element of elements.values()) shown.push(element.value);
    return shown;
  }

  /** The elements of `key` without those that expired and that the engine is yet to report gone. */
  private *visible(key: string): IterableIterator<Element<T>> {
    const now = Date.now();
    for (const element of this.mirror.get(key)?.values() ?? []) {
      if (isVisible(element, now)) yield element;
    }
  }

  private *visibleKeys(): IterableIterator<string> {
    for (const key of this.mirror.keys()) if (this.has(key)) yield key;
  }
}

function isVisible(element: Element<unknown>, now: number): boolean {
  return element.expiresAtMs === 0 || element.expiresAtMs > now;
}
