import type { EngineFactory } from '../bindings/engine.js';
import { nativeFactory, type Addon } from '../bindings/native.js';
import { wasmFactory } from '../bindings/wasm.js';
import { ErrorCode, TopGunError } from '../errors.js';
import { loadOnce, type Build } from './registry.js';

/**
 * Node built-ins are looked up when the engine is loaded, not when the package is imported, and not
 * by a specifier that a bundler would follow.
 */
function builtin<T>(name: string): T {
  return process.getBuiltinModule(name as 'node:module') as T;
}

/**
 * The addon where there is one for this machine, which can do everything; else the WebAssembly of the
 * build. `TOPGUN_CORE=native` or `TOPGUN_CORE=wasm` forces one of them.
 */
export function loadNodeEngine(build: Build, baseUrl: string): Promise<EngineFactory> {
  return loadOnce(build, async () => {
    const forced = process.env['TOPGUN_CORE'];
    if (forced !== undefined && forced !== 'native' && forced !== 'wasm') {
      throw new TopGunError(ErrorCode.InvalidArgument, `TOPGUN_CORE=${forced}: native or wasm`);
    }
    if (forced !== 'wasm') {
      try {
        return nativeFactory(loadAddon(baseUrl));
      } catch (cause) {
        if (forced === 'native') {
          throw new TopGunError(ErrorCode.NotReady, 'the addon cannot be loaded', { cause });
        }
      }
    }
    return wasmFactory(await compile(build, baseUrl));
  });
}

/** Name of the addon for this machine: platform, processor, and the C library on Linux. */
function addonName(): string {
  const { platform, arch } = process;
  if (platform !== 'linux') return `topgun-${platform}-${arch}.node`;
  const report = process.report?.getReport() as
    | { header?: { glibcVersionRuntime?: string } }
    | undefined;
  const libc = report?.header?.glibcVersionRuntime === undefined ? 'musl' : 'gnu';
  return `topgun-${platform}-${arch}-${libc}.node`;
}

/** The addon beside `baseUrl`. Throws if there is none or it does not fit. */
export function loadAddon(baseUrl: string): Addon {
  const { createRequire } = builtin<typeof import('node:module')>('node:module');
  return createRequire(baseUrl)(`./${addonName()}`) as Addon;
}

async function compile(build: Build, baseUrl: string): Promise<WebAssembly.Module> {
  const { readFile } = builtin<typeof import('node:fs/promises')>('node:fs/promises');
  const { fileURLToPath } = builtin<typeof import('node:url')>('node:url');
  const path = fileURLToPath(baseUrl).replace(/[^/\\]*$/, `${build}.wasm`);
  return WebAssembly.compile(await readFile(path));
}
