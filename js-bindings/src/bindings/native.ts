import { ErrorCode, TopGunError, asTopGunError } from '../errors.js';
import { ENGINE_PROTOCOL_VERSION, type Engine, type EngineFactory } from './engine.js';

/** What `topgun.node` exports (`host-native/addon/`). */
export interface Addon {
  readonly abiVersion: number;
  readonly Engine: new () => NativeEngine;
  readonly KeyValueStore: new (path: string) => NativeStore;
}

interface NativeEngine {
  exec(request: Uint8Array): Uint8Array;
  poll(): Uint8Array;
  close(): void;
}

/** A SQLite file of named rows. Every call but `close` runs off the main thread. */
export interface NativeStore {
  /** Names and values in turn. */
  loadAll(): Promise<{ keys: string[]; values: Uint8Array[] }>;
  transact(keys: string[], values: Uint8Array[], deletes: string[]): Promise<void>;
  close(): void;
}

/** Makes engines from a loaded addon. */
export function nativeFactory(addon: Addon): EngineFactory {
  if (addon.abiVersion !== ENGINE_PROTOCOL_VERSION) {
    throw new TopGunError(
      ErrorCode.UnsupportedVersion,
      `the addon speaks version ${addon.abiVersion} of the engine protocol`,
    );
  }
  return { kind: 'native', create: async () => guarded(new addon.Engine()) };
}

/** The addon throws plain errors; callers expect ours. */
function guarded(engine: NativeEngine): Engine {
  const call = (run: () => Uint8Array): Uint8Array => {
    try {
      return run();
    } catch (error) {
      throw asTopGunError(error, ErrorCode.Closed);
    }
  };
  return {
    exec: (request) => call(() => engine.exec(request)),
    poll: () => call(() => engine.poll()),
    close: () => engine.close(),
  };
}
