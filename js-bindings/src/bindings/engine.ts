/**
 * One client engine of the core, wherever it runs: requests of bytes in, answers and events of bytes
 * out (`docs/engine-protocol.md`). A WASM instance, the Node addon and test doubles look alike here.
 */
export interface Engine {
  /**
   * Runs the commands of a request. The answer is borrowed: it holds until the next call.
   * Throws {@link EngineTrapped} when the instance is lost; nothing else of it may be used then.
   */
  exec(request: Uint8Array): Uint8Array;

  /** Takes the events gathered since the last call. Borrowed, and throwing, as in `exec`. */
  poll(): Uint8Array;

  /** Ends the engine and frees its memory. */
  close(): void;
}

/** Which build of the core runs: WebAssembly, or the addon for Node. */
export type EngineKind = 'wasm' | 'native';

/** A loaded build of the core, from which engines are made. */
export interface EngineFactory {
  readonly kind: EngineKind;
  /** A fresh engine with memory of its own, so that losing it loses no other. */
  create(): Promise<Engine>;
}

/** Version of the byte protocol that these bindings speak. */
export const ENGINE_PROTOCOL_VERSION = 1;

/** The instance trapped: its memory is in an unknown state and it must be replaced. */
export class EngineTrapped extends Error {
  override readonly name = 'EngineTrapped';
}
