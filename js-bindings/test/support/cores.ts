import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { test, type TestContext } from 'node:test';
import type { EngineFactory } from '../../src/bindings/engine.js';
import { nativeFactory, type Addon } from '../../src/bindings/native.js';
import { wasmFactory } from '../../src/bindings/wasm.js';

/** A file that the build makes and the test script names. */
function built(variable: string): string {
  const path = process.env[variable];
  if (!path) throw new Error(`${variable} is not set: build first, and run scripts/test.mjs`);
  return path;
}

export const addon = (): Addon =>
  createRequire(import.meta.url)(built('TOPGUN_TEST_ADDON')) as Addon;

export const wasmModule = (): WebAssembly.Module =>
  new WebAssembly.Module(readFileSync(built('TOPGUN_TEST_WASM')));

/** The builds of the core that answer queries. */
export const queryFactories: Record<string, () => EngineFactory> = {
  wasm: () => wasmFactory(new WebAssembly.Module(readFileSync(built('TOPGUN_TEST_QUERIES_WASM')))),
  native: () => nativeFactory(addon()),
};

export const serverPath = (): string => built('TOPGUN_TEST_SERVER');

const factories: Record<string, () => EngineFactory> = {
  wasm: () => wasmFactory(wasmModule()),
  native: () => nativeFactory(addon()),
};

/** One test for each build of the core: they must behave alike. */
export function testOnCores(
  name: string,
  run: (factory: EngineFactory, t: TestContext) => Promise<void>,
  builds = factories,
): void {
  for (const [kind, factory] of Object.entries(builds)) {
    test(`${name} (${kind})`, (t) => run(factory(), t));
  }
}
