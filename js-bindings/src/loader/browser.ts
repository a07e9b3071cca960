import type { EngineFactory } from '../bindings/engine.js';
import { wasmFactory } from '../bindings/wasm.js';
import { ErrorCode, TopGunError } from '../errors.js';
import { loadOnce } from './registry.js';

/** Fetches and compiles `topgun.wasm`, which every bundler copies when it sees this URL. */
export function loadBrowserEngine(): Promise<EngineFactory> {
  return loadOnce(async () => {
    const url = new URL('./topgun.wasm', import.meta.url);
    return wasmFactory(await compile(url));
  });
}

async function compile(url: URL): Promise<WebAssembly.Module> {
  const response = await fetch(url);
  if (!response.ok) {
    throw new TopGunError(ErrorCode.NotReady, `${url.href} answered ${response.status}`);
  }
  // Compiles while it downloads, for which browsers insist on the right MIME type. A copy of the
  // response to fall back on would cost the stream its fast path.
  if (response.headers.get('content-type') === 'application/wasm') {
    return WebAssembly.compileStreaming(response);
  }
  return WebAssembly.compile(await response.arrayBuffer());
}
