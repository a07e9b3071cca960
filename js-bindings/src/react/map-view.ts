import type { LwwMap } from '../client/lww-map.js';
import type { OrMap } from '../client/or-map.js';

/**
 * A map as a component reads it. A change of the map makes another object, so that a view may stand in
 * the dependencies of `useMemo` and `memo`; the reads themselves are those of the map as it is.
 */
export interface MapView<T> extends Iterable<[string, T]> {
  /** Entries in the map. */
  readonly size: number;
  /** The value of `key`, frozen; `undefined` if there is none. The same object until it changes. */
  get(key: string): T | undefined;
  has(key: string): boolean;
  keys(): IterableIterator<string>;
  values(): IterableIterator<T>;
  /** Keys with their values, in no particular order. */
  entries(): IterableIterator<[string, T]>;
}

/** The view of a map of a client. */
export class LiveView<T> implements MapView<T> {
  private readonly map: LwwMap<T>;

  constructor(map: LwwMap<T>) {
    this.map = map;
  }

  get size(): number {
    return this.map.size;
  }

  get(key: string): T | undefined {
    return this.map.get(key);
  }

  has(key: string): boolean {
    return this.map.has(key);
  }

  keys(): IterableIterator<string> {
    return this.map.keys();
  }

  values(): IterableIterator<T> {
    return this.map.values();
  }

  entries(): IterableIterator<[string, T]> {
    return this.map.entries();
  }

  [Symbol.iterator](): IterableIterator<[string, T]> {
    return this.map.entries();
  }
}

/** A view of entries that were written down elsewhere. */
export class EntriesView<T> extends Map<string, T> implements MapView<T> {
  constructor(entries: readonly (readonly [string, T])[]) {
    super(entries);
  }
}

/** A map of bags as a component reads it; see {@link MapView}. */
export interface ORMapView<T> extends Iterable<[string, readonly T[]]> {
  /** Keys that have elements. */
  readonly size: number;
  /** The elements of `key`, frozen. The same array until they change. */
  get(key: string): readonly T[];
  has(key: string): boolean;
  keys(): IterableIterator<string>;
  values(): IterableIterator<readonly T[]>;
  entries(): IterableIterator<[string, readonly T[]]>;
}

const NOTHING: readonly never[] = Object.freeze([]);

/** The arrays that a map of bags has handed out, so that equal bags are one array. */
export class Bags<T> {
  private readonly map: OrMap<T>;
  private readonly known = new Map<string, readonly T[]>();

  constructor(map: OrMap<T>) {
    this.map = map;
  }

  get(key: string): readonly T[] {
    const now = this.map.get(key);
    if (now.length === 0) {
      this.known.delete(key);
      return NOTHING;
    }
    const known = this.known.get(key);
    const same = known?.length === now.length && known.every((each, i) => each === now[i]);
    if (same) return known;
    this.known.set(key, Object.freeze(now));
    return now;
  }
}

/** The view of a map of bags of a client, or of none. */
export class LiveBagsView<T> implements ORMapView<T> {
  private readonly map: OrMap<T> | undefined;
  private readonly bags: Bags<T> | undefined;

  constructor(map?: OrMap<T>, bags?: Bags<T>) {
    this.map = map;
    this.bags = bags;
  }

  get size(): number {
    return this.map?.size ?? 0;
  }

  get(key: string): readonly T[] {
    return this.bags?.get(key) ?? NOTHING;
  }

  has(key: string): boolean {
    return this.map?.has(key) ?? false;
  }

  keys(): IterableIterator<string> {
    return this.map?.keys() ?? NOTHING.values();
  }

  *values(): IterableIterator<readonly T[]> {
    for (const key of this.keys()) yield this.get(key);
  }

  *entries(): IterableIterator<[string, readonly T[]]> {
    for (const key of this.keys()) yield [key, this.get(key)];
  }

  [Symbol.iterator](): IterableIterator<[string, readonly T[]]> {
    return this.entries();
  }
}
