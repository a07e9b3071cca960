/**
 * Holds the lock `name` of this origin, so that one client at a time works on a store: waits for
 * whoever has it, after calling `waiting`. A tab that ends or crashes releases its locks. Returns
 * the release. Where there are no Web Locks (old browsers, insecure origins) nothing is held.
 */
export async function acquireLock(name: string, waiting: () => void): Promise<() => void> {
  const locks = (globalThis.navigator as Navigator | undefined)?.locks;
  if (locks === undefined) return () => undefined;
  return (await hold(locks, name, { ifAvailable: true })) ?? (await waitFor(locks, name, waiting));
}

async function waitFor(
  locks: LockManager,
  name: string,
  waiting: () => void,
): Promise<() => void> {
  waiting();
  return (await hold(locks, name, {}))!;
}

/** Resolves to the release once the lock is held, or to nothing if it is not available. */
function hold(
  locks: LockManager,
  name: string,
  options: LockOptions,
): Promise<(() => void) | undefined> {
  return new Promise((resolve, reject) => {
    locks
      .request(name, options, (lock) => {
        if (lock === null) return resolve(undefined);
        return new Promise<void>((release) => resolve(() => release()));
      })
      .catch(reject);
  });
}

/** True if locks are there to be held; where they are not, tabs cannot find out who leads. */
export function hasLocks(): boolean {
  return (globalThis.navigator as Navigator | undefined)?.locks !== undefined;
}
