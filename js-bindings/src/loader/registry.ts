import { ENGINE_PROTOCOL_VERSION, type EngineFactory } from '../bindings/engine.js';

interface Registry {
  loading?: Promise<EngineFactory> | undefined;
}

/**
 * The core that this process has loaded. It lives in the global symbol registry, by version of the
 * protocol, so that two copies of the package (ESM and CommonJS, say) share one compiled module.
 */
const KEY = Symbol.for(`topgun.engine.${ENGINE_PROTOCOL_VERSION}`);

/** What `load` makes, once a process; a failure is not remembered, so that the next call retries. */
export function loadOnce(load: () => Promise<EngineFactory>): Promise<EngineFactory> {
  const registry = ((globalThis as Record<symbol, unknown>)[KEY] ??= {}) as Registry;
  registry.loading ??= load().catch((error: unknown) => {
    registry.loading = undefined;
    throw error;
  });
  return registry.loading;
}
