import type { EngineFactory } from '../bindings/engine.js';
import { wasmFactory } from '../bindings/wasm.js';
import { ErrorCode, TopGunError } from '../errors.js';
import { loadOnce, type Build } from './registry.js';

/** Fetches and compiles the WebAssembly of a build. */
export function loadBrowserEngine(build: Build, url: URL): Promise<EngineFactory> {
  return loadOnce(build, async () => wasmFactory(await compile(url)));
}

async function compile(url: URL): Promise<WebAssembly.Module> {
  // Compiles while it downloads, without a turn of this thread in between.
  const streamed = await WebAssembly.compileStreaming(fetch(url)).catch(() => undefined);
  if (streamed !== undefined) return streamed;
  // There is no such file, or a server that does not know its MIME type, on which browsers insist.
  const response = await fetch(url);
  if (!response.ok) {
    throw new TopGunError(ErrorCode.NotReady, `${url.href} answered ${response.status}`);
  }
  return WebAssembly.compile(await response.arrayBuffer());
}
