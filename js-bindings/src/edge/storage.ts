/**
 * Where instances of a function keep what new ones start from: one text of bytes, which is a cache. It
 * may be lost, be old, and be written by several instances; what is missing comes from the origin.
 */
export interface EdgeStorage {
  /** What was saved last, as far as it is known here; `undefined` for nothing. */
  load(): Promise<Uint8Array | undefined>;
  save(snapshot: Uint8Array): Promise<void>;
}

/** The part of a Workers KV namespace that is used. */
export interface KvLike {
  get(key: string, type: 'arrayBuffer'): Promise<ArrayBuffer | null>;
  put(key: string, value: ArrayBuffer | ArrayBufferView): Promise<void>;
}

/** Keeps the snapshot as one value of a Workers KV namespace: at most 25 MiB, and one write a second. */
export function kvStorage(namespace: KvLike, key = 'topgun'): EdgeStorage {
  return {
    async load() {
      const found = await namespace.get(key, 'arrayBuffer');
      return found === null ? undefined : new Uint8Array(found);
    },
    save: (snapshot) => namespace.put(key, snapshot),
  };
}

/** The part of an R2 bucket that is used. */
export interface R2Like {
  get(key: string): Promise<{ arrayBuffer(): Promise<ArrayBuffer> } | null>;
  put(key: string, value: ArrayBuffer | ArrayBufferView): Promise<unknown>;
}

/** Keeps the snapshot as one object of an R2 bucket. */
export function r2Storage(bucket: R2Like, key = 'topgun'): EdgeStorage {
  return {
    async load() {
      const found = await bucket.get(key);
      return found === null ? undefined : new Uint8Array(await found.arrayBuffer());
    },
    async save(snapshot) {
      await bucket.put(key, snapshot);
    },
  };
}

/** The part of the storage of a Durable Object that is used. */
export interface DurableObjectStorageLike {
  get(key: string): Promise<unknown>;
  get(keys: string[]): Promise<Map<string, unknown>>;
  put(entries: Record<string, unknown>): Promise<void>;
  delete(keys: string[]): Promise<unknown>;
}

/** Values of a Durable Object have at most 128 KiB. */
const CHUNK_BYTES = 100 * 1024;
/** Keys in one call. */
const KEYS_MAX = 128;

/** Says which chunks belong together. */
interface Manifest {
  readonly generation: number;
  readonly chunks: number;
}

/** Keeps the snapshot in the storage of a Durable Object, in pieces that it can hold. */
export function durableObjectStorage(storage: DurableObjectStorageLike, prefix = 'topgun'): EdgeStorage {
  const keysOf = ({ generation, chunks }: Manifest): string[] =>
    Array.from({ length: chunks }, (_, index) => `${prefix}:${generation}:${index}`);
  const manifest = async (): Promise<Manifest> =>
    ((await storage.get(prefix)) as Manifest | undefined) ?? { generation: 0, chunks: 0 };
  return {
    async load() {
      const found: Uint8Array[] = [];
      for (const keys of batches(keysOf(await manifest()))) {
        const values = await storage.get(keys);
        for (const key of keys) {
          const chunk = values.get(key);
          if (!(chunk instanceof Uint8Array)) return undefined;
          found.push(chunk);
        }
      }
      return found.length === 0 ? undefined : join(found);
    },
    async save(snapshot) {
      const before = await manifest();
      const after = {
        generation: before.generation + 1,
        chunks: Math.ceil(snapshot.length / CHUNK_BYTES),
      };
      const keys = keysOf(after);
      for (const batch of batches(keys)) {
        const start = keys.indexOf(batch[0]!);
        const entry = (key: string, index: number): [string, Uint8Array] => {
          const at = (start + index) * CHUNK_BYTES;
          return [key, snapshot.slice(at, at + CHUNK_BYTES)];
        };
        await storage.put(Object.fromEntries(batch.map(entry)));
      }
      // From here on the new chunks count; without this step the old ones still do.
      await storage.put({ [prefix]: after });
      for (const batch of batches(keysOf(before))) await storage.delete(batch);
    },
  };
}

function batches(keys: readonly string[]): string[][] {
  const result: string[][] = [];
  for (let at = 0; at < keys.length; at += KEYS_MAX) result.push(keys.slice(at, at + KEYS_MAX));
  return result;
}

function join(chunks: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(chunks.reduce((size, chunk) => size + chunk.length, 0));
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}
