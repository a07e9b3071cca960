import type { EngineFactory } from '../bindings/engine.js';
import { wasmFactory } from '../bindings/wasm.js';
import { loadOnce, type Build } from './registry.js';

/** For platforms that compile at deployment and hand out modules, because they forbid it later. */
export function loadStaticEngine(build: Build, module: WebAssembly.Module): Promise<EngineFactory> {
  return loadOnce(build, async () => wasmFactory(module));
}
