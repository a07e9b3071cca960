// Maps of small objects in this process: a TopGun client and a Y.Map, behind `set` and `get`.

import assert from 'node:assert/strict';

export const recordOf = (index) => ({
  id: `id-${index}`,
  title: `Title of record ${index}`,
  done: index % 2 === 0,
  priority: index % 5,
  created: 1_700_000_000_000 + index,
  owner: 'somebody',
});

/** @param {'wasm' | 'native' | undefined} core which build of the core; by default what is best */
export async function topgunMap(core) {
  if (core) process.env.TOPGUN_CORE = core;
  const { TopGunClient } = await import('topgun');
  const client = new TopGunClient();
  await client.start();
  if (core) assert.equal(client.engine, core);
  const map = client.getMap('map');
  return {
    engine: client.engine,
    set: (key, value) => map.set(key, value),
    get: (key) => map.get(key),
    entries: () => map.entries(),
    /** Runs what is still gathered, so that every write was stamped and merged. */
    settle: () => void client.pendingOps,
    stored: () => client.flush(),
    close: () => client.close(),
  };
}

export async function yjsMap() {
  const Y = await import('yjs');
  const map = new Y.Doc().getMap('map');
  return {
    set: (key, value) => void map.set(key, value),
    get: (key) => map.get(key),
    entries: () => map.entries(),
    settle: () => {},
    stored: async () => {},
    close: async () => {},
  };
}

export async function automergeMap() {
  const Automerge = await import('@automerge/automerge');
  let doc = Automerge.from({});
  return {
    set: (key, value) => {
      doc = Automerge.change(doc, (draft) => {
        draft[key] = value;
      });
    },
    get: (key) => doc[key],
    entries: () => Object.entries(doc),
    settle: () => {},
    stored: async () => {},
    close: async () => {},
  };
}

export const contenders = { topgun: topgunMap, yjs: yjsMap, automerge: automergeMap };
