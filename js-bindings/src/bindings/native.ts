import { ErrorCode, TopGunError, asTopGunError, errorFromCode } from '../errors.js';
import { ENGINE_PROTOCOL_VERSION, type Engine, type EngineFactory } from './engine.js';

/** What `topgun.node` exports (`host-native/addon/`). */
export interface Addon {
  readonly abiVersion: number;
  readonly Engine: new () => NativeEngine;
  /** Opens the file; throws `NotReady` while another process holds it. */
  readonly RowStore: new (path: string) => NativeRowStore;
}

interface NativeEngine {
  exec(request: Uint8Array): Uint8Array;
  poll(): Uint8Array;
  close(): void;
}

/** A SQLite file of named rows. Everything but `close` runs off the main thread. */
export interface NativeRowStore {
  /** Rows as `decodeRows` reads them. */
  load(): Promise<Uint8Array>;
  /** Changes as `encodeChanges` writes them. */
  transact(changes: Uint8Array): Promise<void>;
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

/** The addon's errors carry a number as `code`; callers expect a TopGunError. */
export function addonError(error: unknown): TopGunError {
  const { code } = error as { code?: unknown };
  if (typeof code === 'number') return errorFromCode(code);
  return asTopGunError(error, ErrorCode.Internal);
}

function guarded(engine: NativeEngine): Engine {
  const call = (run: () => Uint8Array): Uint8Array => {
    try {
      return run();
    } catch (error) {
      throw addonError(error);
    }
  };
  return {
    exec: (request) => call(() => engine.exec(request)),
    poll: () => call(() => engine.poll()),
    close: () => engine.close(),
  };
}
