#!/usr/bin/env node
// What core/ asks of the world, read from what was built: the imports of its bare WebAssembly module,
// and the undefined symbols of its archives, which hold all of it, called by that module or not.
// core/ reads no clock, no random device, no file, no socket and starts no thread; here is the proof
// that no reading of sources can give.

import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { isMain, root } from './lib/repository.mjs';

/** The only names that core/ may import as WebAssembly. At most four, ever. */
export const kImportsAllowed = [
  'env.emscripten_notify_memory_growth', // Memory grew: the host's views of it are stale.
  'wasi_snapshot_preview1.proc_exit', // The C library ends the process when it cannot go on.
];

const kForbidden = [
  ['a clock', /^(time|clock|clock_\w+|gettimeofday|times|ftime|localtime(_r)?|gmtime(_r)?|mktime|strftime|nanosleep|usleep|sleep|timer_\w+|std::chrono::_V2::\w+::now\(\))$/],
  ['a random device', /^(s?rand(_r)?|s?random(_r)?|[dlmejn]rand48(_r)?|getrandom|getentropy|arc4random\w*|std::random_device::.*)$/],
  ['a file or terminal', /^(_*open(64|at|at64)?(_2)?|creat|close|p?(read|write)v?(64)?|_*read_chk|lseek(64)?|fsync|fdatasync|ftruncate(64)?|rename(at)?|unlink(at)?|mkdir(at)?|stat(64|x)?|[fl]stat(64)?|mmap(64)?|munmap|ioctl|fcntl(64)?|std(in|out|err)|f(open|dopen|reopen|close|read|write|puts|putc|gets|getc|flush|seeko?|tello?)(64)?|puts|putchar|perror|_*v?[fsd]?n?printf(_chk)?|_*v?[fs]?scanf|std::(c(out|err|log|in)|basic_[io]?f?stream.*|basic_(file|string)buf.*|ios_base.*|filesystem::.*|__basic_file.*))$/],
  ['a socket', /^(socket(pair)?|bind|listen|accept4?|connect|send(to|m?msg)?|recv(from|m?msg)?|[gs]etsockopt|getaddrinfo|poll|p?select|epoll_\w+)$/],
  ['a thread', /^(pthread_\w+|thrd_\w+|mtx_\w+|cnd_\w+|sem_\w+|fork|vfork|clone|std::(thread|condition_variable|mutex|__future_base|this_thread)\b.*)$/],
  ['the environment', /^(secure_getenv|getenv|setenv|putenv|environ|setlocale|localeconv|getpid|gethostname|uname|sysconf|system|exec\w+|std::locale\b.*)$/],
  ['an unordered order', /^std::(_Hash_bytes|__detail::_Prime_rehash_policy.*)$/],
  ['an exception', /^(__cxa_(throw|rethrow|begin_catch|allocate_exception)|_Unwind_\w+)$/],
  // Not abort: libc++ calls it inline where an allocation is refused.
  ['the end of the process', /^(exit|_exit|quick_exit|std::terminate\(\))$/],
];

/** Imports (`{module, name}`) that are not allowed, as `module.name`. */
export function importsBeyond(imports, allowed = kImportsAllowed) {
  return imports.map(({ module, name }) => `${module}.${name}`).filter((name) => !allowed.includes(name));
}

/**
 * Undefined symbols in the output of `nm --undefined-only --demangle` that core/ may not have.
 * @returns {{symbol: string, object: string, what: string}[]}
 */
export function forbiddenSymbols(nmOutput) {
  const found = [];
  let object = '';
  for (const line of nmOutput.split('\n')) {
    if (line.endsWith(':')) object = line.slice(0, -1);
    const match = /^\s+[Uw] (.*)$/.exec(line);
    if (!match) continue;
    const symbol = match[1].replace(/@.*$/, '');
    const rule = kForbidden.find(([, pattern]) => pattern.test(symbol));
    if (rule) found.push({ symbol, object, what: rule[0] });
  }
  return found;
}

export const undefinedSymbols = (archive, nm = 'nm') =>
  execFileSync(nm, ['--undefined-only', '--demangle', archive], { encoding: 'utf8', maxBuffer: 1 << 26 });

export const wasmImports = (path) => WebAssembly.Module.imports(new WebAssembly.Module(readFileSync(path)));

if (isMain(import.meta.url)) {
  const archives = [
    { path: join(root, 'build/release/core/libtopgun_core.a'), nm: 'nm' },
    { path: join(root, 'build/wasm-release/core/libtopgun_core.a'), nm: 'llvm-nm-14' },
  ];
  const module = join(root, 'build/wasm-release/tests/determinism/topgun_determinism.wasm');
  const problems = [];
  for (const path of [module, ...archives.map(({ path }) => path)]) {
    if (!existsSync(path)) problems.push(`${path} is not built`);
  }
  if (problems.length === 0) {
    for (const name of importsBeyond(wasmImports(module))) {
      problems.push(`the WebAssembly module of core/ imports ${name}`);
    }
    for (const { path, nm } of archives) {
      for (const { symbol, object, what } of forbiddenSymbols(undefinedSymbols(path, nm))) {
        problems.push(`${relative(root, path)}: ${object} uses ${what}: ${symbol}`);
      }
    }
  }
  for (const problem of problems) console.error(problem);
  if (problems.length > 0) {
    console.error(`what core/ needs: ${problems.length} problems`);
    process.exit(1);
  }
  console.log('what core/ needs: no clock, randomness, file, socket, thread or environment');
}
