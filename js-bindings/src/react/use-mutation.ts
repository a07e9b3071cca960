import { useCallback, useEffect, useMemo, useState } from 'react';
import type { RejectedWrite } from '../client/client.js';
import type { LwwMap, WriteOptions } from '../client/lww-map.js';
import { useClient } from './provider.js';

/** Ways to write to a map. The functions stay the same from render to render. */
export interface Mutation<T> {
  /** Writes the value of `key`. */
  set(key: string, value: T, options?: WriteOptions): void;
  /** Writes a value under a new key, which no other replica will choose, and returns it. */
  add(value: T, options?: WriteOptions): string;
  /**
   * Changes the value of `key`: some of its fields, or by a function. Returns whether there was one;
   * where there is none, nothing is written. What is written is the whole value: of two people who change
   * fields of one value at the same time, the later one wins.
   */
  update(key: string, change: Change<T>, options?: WriteOptions): boolean;
  /** Removes `key`. Returns whether it had a value. */
  remove(key: string): boolean;
  /** The last write to this map that was refused, and has been undone; `undefined` if there was none. */
  readonly rejected: RejectedWrite | undefined;
  /** Forgets `rejected`, as when a message about it is closed. */
  dismiss(): void;
}

type Change<T> = ((value: T) => T) | (T extends object ? Partial<T> : never);

/**
 * Writes to the map of this name, which are visible at once everywhere in the page, work offline, and
 * need no waiting. What the server refuses is undone, and `rejected` says so.
 */
export function useMutation<T>(map: string | LwwMap<T>): Mutation<T> {
  const client = useClient();
  const target = typeof map === 'string' ? client.getMap<T>(map) : map;
  const [rejected, setRejected] = useState<RejectedWrite>();
  useEffect(
    () => client.on('rejected', (write) => write.map === target.name && setRejected(write)),
    [client, target],
  );
  const dismiss = useCallback(() => setRejected(undefined), []);
  const writes = useMemo(() => writesTo(target), [target]);
  return useMemo(() => ({ ...writes, rejected, dismiss }), [writes, rejected, dismiss]);
}

function writesTo<T>(map: LwwMap<T>): Omit<Mutation<T>, 'rejected' | 'dismiss'> {
  return {
    set: (key, value, options) => map.set(key, value, options),
    add: (value, options) => {
      const key = newKey();
      map.set(key, value, options);
      return key;
    },
    update: (key, change, options) => {
      const value = map.get(key);
      if (value === undefined) return false;
      map.set(key, typeof change === 'function' ? change(value) : { ...value, ...change }, options);
      return true;
    },
    remove: (key) => map.delete(key),
  };
}

/** 128 random bits in hexadecimal digits. (`randomUUID` exists on secure origins only.) */
function newKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
