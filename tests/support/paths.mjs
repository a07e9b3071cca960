import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** An absolute path from one that is relative to the root of the repository. */
export function fromRoot(path) {
  return join(root, path);
}

/** A fresh folder that disappears after the test `t`. */
export async function temporaryFolder(t) {
  const folder = await mkdtemp(join(tmpdir(), 'topgun-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}
