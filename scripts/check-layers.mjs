#!/usr/bin/env node
// The folders are the architecture: includes point down the list of layers, never up, and every
// source is built and every header used.

import { posix } from 'node:path';
import { includes } from './lib/cpp.mjs';
import { files, isMain, lineAt, report } from './lib/repository.mjs';

/** The layers of core/, ground first. A folder may include itself and those before it. */
export const kLayers = [
  'base', 'value', 'clock', 'crdt', 'merkle', 'replica', 'sync', 'client', 'node', 'query',
  'dataflow', 'search', 'vector', 'storage', 'temporal', 'cluster', 'tenant', 'extension', 'sim',
];

/** What code outside core/ may include besides core/ and its own folder. */
const kHosts = { wasm: ['wasm'], 'host-native': ['host-native'], tests: ['tests', 'wasm', 'host-native'] };

function coreProblem(from, header) {
  const [top, to] = header.split('/');
  if (top !== 'core') return `core/ includes nothing but core/: "${header}"`;
  if (!kLayers.includes(to)) return `core/${to} is not in the list of layers`;
  if (kLayers.indexOf(to) > kLayers.indexOf(from)) {
    return `core/${from} lies below core/${to} and must not include "${header}"`;
  }
  return null;
}

/** The simulator for browsers: a tool, no product. It brings the storage of the server along. */
const kSimulator = 'wasm/simulator/';
const kSimulatorIncludes = [kSimulator, 'host-native/storage/'];

function hostProblem(path, top, header) {
  const [target, folder] = header.split('/');
  const isSimulator = path.startsWith(kSimulator);
  if (target === 'core') {
    const isTool = top === 'tests' || isSimulator;
    return folder === 'sim' && !isTool ? 'core/sim is for tests and tools only' : null;
  }
  const allowed = isSimulator ? kSimulatorIncludes.some((prefix) => header.startsWith(prefix)) : kHosts[top].includes(target);
  if (!allowed) return `${top}/ must not include "${header}"`;
  return header.startsWith(kSimulator) && !isSimulator ? 'the simulator is no part of products' : null;
}

function internalProblem(path, header) {
  const match = /^(.*)\/internal\//.exec(header);
  if (!match || path.startsWith(`${match[1]}/`) || path.startsWith('tests/')) return null;
  return `"${header}" is internal to ${match[1]}/`;
}

/** Includes that point the wrong way. `sources` are `{path, text}`. */
export function findArrows(sources) {
  const problems = [];
  for (const { path, text } of sources) {
    const [top, folder] = path.split('/');
    for (const { header, system, index } of includes(text)) {
      if (system) continue;
      const problem =
        (!/^(core|wasm|host-native|tests)\//.test(header)
          ? `"${header}" does not start at the top of the repository (use <> for dependencies)`
          : null) ??
        (top === 'core' ? coreProblem(folder, header) : hostProblem(path, top, header)) ??
        internalProblem(path, header);
      if (problem) problems.push({ path, line: lineAt(text, index), message: problem });
    }
  }
  return problems;
}

/** Sources no build list names, and headers of core/ that nobody includes. */
export function findForgotten(sources, lists) {
  const problems = [];
  const built = new Set();
  for (const { path, text } of lists) {
    for (const [name] of text.replace(/#.*/g, '').matchAll(/[\w./-]+\.cpp\b/g)) {
      // Functions in cmake/ and included lists are both called from tests/.
      const folder = path.endsWith('.cmake') ? 'tests' : posix.dirname(path);
      built.add(posix.join(folder, name));
      if (/_fuzz\.cpp$/.test(name)) built.add(posix.join(folder, 'fuzz', name));
    }
  }
  const included = new Set(
    sources.flatMap(({ path, text }) =>
      includes(text).filter(({ header }) => header.replace(/\.hpp$/, '.cpp') !== path).map(({ header }) => header)),
  );
  for (const { path } of sources) {
    if (path.endsWith('.cpp') && !built.has(path)) {
      problems.push({ path, message: 'no CMakeLists.txt names this source, so nothing builds it' });
    }
    if (/^core\/.*\.hpp$/.test(path) && !included.has(path)) {
      problems.push({ path, message: 'nobody includes this header' });
    }
  }
  return problems;
}

if (isMain(import.meta.url)) {
  const sources = files(/^(core|wasm|host-native|tests)\/.*\.(hpp|cpp)$/);
  const lists = files(/(^|\/)CMakeLists\.txt$|\.cmake$/);
  report('layers', [...findArrows(sources), ...findForgotten(sources, lists)]);
}
