import type { StorageEvents } from './adapter.js';

const RETRY_MS = 250;

/** Locks of this very process, which its process id alone cannot tell apart. */
const held = new Set<string>();

/**
 * Holds the file `path`, in which the process id of its holder stands, so that one client at a time
 * works on a store. Waits while another living process has it; the lock of one that died is taken
 * over. Returns the release.
 */
export async function lockFile(
  path: string,
  events: Pick<StorageEvents, 'waiting'>,
): Promise<() => Promise<void>> {
  const { rm } = process.getBuiltinModule('node:fs/promises');
  const { resolve } = process.getBuiltinModule('node:path');
  const name = resolve(path);
  for (let attempt = 0; !(await tryLock(name)); attempt++) {
    if (attempt === 0) events.waiting();
    await new Promise((next) => setTimeout(next, RETRY_MS));
  }
  held.add(name);
  return async () => {
    held.delete(name);
    await rm(name, { force: true });
  };
}

async function tryLock(path: string): Promise<boolean> {
  const { link, readFile, rename, rm, writeFile } = process.getBuiltinModule('node:fs/promises');
  const own = `${path}.${process.pid}.${Math.random().toString(36).slice(2)}`;
  // Linking a finished file makes name and content appear at once.
  await writeFile(own, String(process.pid));
  try {
    await link(own, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    await rm(own, { force: true });
  }
  const holder = Number(await readFile(path, 'utf8').catch(() => ''));
  if (holder === 0 || isAlive(holder, path)) return false;
  // Whoever renames the dead holder's file away takes over; the others find it gone.
  const grave = `${own}.dead`;
  try {
    await rename(path, grave);
    // Someone may have taken over between our reading and our renaming: give it back.
    if (Number(await readFile(grave, 'utf8')) !== holder) await link(grave, path);
  } catch {
    return false;
  } finally {
    await rm(grave, { force: true });
  }
  return tryLock(path);
}

function isAlive(pid: number, path: string): boolean {
  if (pid === process.pid) return held.has(path);
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
