// Maps of small objects in this process: a TopGun client and a Y.Map, behind `set` and `get`; the
// environment variable TOPGUN_CORE says which build of the core runs.

import assert from 'node:assert/strict';

export const recordOf = (index) => ({
  id: `id-${index}`,
  title: `Title of record ${index}`,
  done: index % 2 === 0,
  priority: index % 5,
  created: 1_700_000_000_000 + index,
  owner: 'somebody',
});

async function topgunMap() {
  const { TopGunClient } = await import('topgun/base');
  const client = new TopGunClient();
  await client.start();
  if (process.env.TOPGUN_CORE) assert.equal(client.engine, process.env.TOPGUN_CORE);
  const map = client.getMap('map');
  return {
    map,
    set: (key, value) => map.set(key, value),
    get: (key) => map.get(key),
    entries: () => map.entries(),
    /** Runs what is still gathered, so that every write was stamped and merged. */
    settle: () => void client.pendingOps,
    stored: () => client.flush(),
    close: () => client.close(),
  };
}

async function yjsMap() {
  const Y = await import('yjs');
  const map = new Y.Doc().getMap('map');
  return {
    map,
    set: (key, value) => void map.set(key, value),
    get: (key) => map.get(key),
    entries: () => map.entries(),
    settle: () => {},
    stored: async () => {},
    close: async () => {},
  };
}

async function automergeMap() {
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

/** Nothing but a JavaScript Map: what no map on top of one can undercut. */
async function plainMap() {
  const map = new Map();
  return {
    map,
    set: (key, value) => void map.set(key, value),
    get: (key) => map.get(key),
    entries: () => map.entries(),
    settle: () => {},
    stored: async () => {},
    close: async () => {},
  };
}

/** By name; `map` is the object itself, where there is one. */
export const contenders = { topgun: topgunMap, yjs: yjsMap, automerge: automergeMap, plain: plainMap };
