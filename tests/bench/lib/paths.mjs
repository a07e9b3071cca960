import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../../..', import.meta.url));

export const built = {
  server: join(root, 'build/release/host-native/topgun-server'),
  load: join(root, 'build/release/tests/topgun-load'),
  operations: join(root, 'build/release/tests/bench/operations/topgun-bench-operations'),
  operationsWasm: join(root, 'build/wasm-release/tests/bench/operations/topgun-bench-operations.wasm'),
  package: join(root, 'js-bindings/dist'),
};

/** The full path of a program, or undefined if it is not installed. */
export function findProgram(...names) {
  for (const name of names) {
    for (const folder of (process.env.PATH ?? '').split(delimiter)) {
      const path = join(folder, name);
      if (existsSync(path)) return path;
    }
  }
  return undefined;
}

/** First line of what `program --version` prints. */
export function versionOf(program, ...args) {
  try {
    return execFileSync(program, args.length > 0 ? args : ['--version'], { encoding: 'utf8' }).split('\n')[0].trim();
  } catch {
    return 'not installed';
  }
}
