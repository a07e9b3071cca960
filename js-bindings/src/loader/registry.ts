import { ENGINE_PROTOCOL_VERSION, type EngineFactory } from '../bindings/engine.js';

/** A build of the core: what it can do, and the name of its WebAssembly. */
export type Build = 'topgun' | 'topgun-queries';

type Registry = Partial<Record<Build, Promise<EngineFactory> | undefined>>;

/**
 * The builds of the core that this process has loaded. They live in the global symbol registry, by
 * version of the protocol, so that two copies of the package (ESM and CommonJS, say) share one
 * compiled module.
 */
const KEY = Symbol.for(`topgun.engine.${ENGINE_PROTOCOL_VERSION}`);

/** What `load` makes, once a process; a failure is not remembered, so that the next call retries. */
export function loadOnce(build: Build, load: () => Promise<EngineFactory>): Promise<EngineFactory> {
  const registry = ((globalThis as Record<symbol, unknown>)[KEY] ??= {}) as Registry;
  return (registry[build] ??= load().catch((error: unknown) => {
    registry[build] = undefined;
    throw error;
  }));
}
