// Notes at the edge. Reads come from a replica in this isolate's memory, at most two seconds old; writes go
// through to the origin; /sync is passed on to it, so that browsers may sync with this worker's address.

import { createEdgeReplica, durableObjectStorage, kvStorage, r2Storage, syncRelay } from 'topgun/edge';

/** Lives as long as the isolate does, which may be for one request or for hours. */
let replica;

export default {
  async fetch(request, env) {
    const { pathname } = new URL(request.url);
    if (/^\/sync(\/events)?$/.test(pathname)) return syncRelay(request, { origin: env.ORIGIN });
    if (pathname.startsWith('/object/')) {
      // One instance of the object holds the notes for everybody.
      return env.NOTES.get(env.NOTES.idFromName('notes')).fetch(request);
    }
    replica ??= openReplica(env, storageOf(env));
    return serveNotes(replica, request);
  },
};

/** The same from a Durable Object, which keeps its snapshot in its own storage. */
export class NotesObject {
  constructor(state, env) {
    this.replica = openReplica(env, durableObjectStorage(state.storage));
  }

  fetch(request) {
    return serveNotes(this.replica, request);
  }
}

function openReplica(env, storage) {
  return createEdgeReplica({
    serverUrl: env.ORIGIN,
    token: env.TOKEN,
    maxStalenessMs: 2_000,
    storage,
    onError: (error) => console.error(error.message),
  });
}

/** Where isolates that start find the notes: in KV or R2, whichever is bound; else at the origin. */
function storageOf(env) {
  if (env.SNAPSHOTS_KV) return kvStorage(env.SNAPSHOTS_KV);
  if (env.SNAPSHOTS_R2) return r2Storage(env.SNAPSHOTS_R2);
  return undefined;
}

async function serveNotes(replica, request) {
  const notes = replica.getMap('notes');
  const key = decodeURIComponent(new URL(request.url).pathname.replace(/^(\/object)?\/notes\/?/, ''));
  if (request.method === 'PUT' && key !== '') {
    const text = await request.text();
    await replica.write(() => notes.set(key, { text }));
    return new Response(null, { status: 204 });
  }
  if (request.method === 'DELETE' && key !== '') {
    await replica.write(() => notes.delete(key));
    return new Response(null, { status: 204 });
  }
  await replica.fresh();
  if (key === '') return Response.json(Object.fromEntries(notes));
  const note = notes.get(key);
  return note === undefined ? new Response('no such note\n', { status: 404 }) : Response.json(note);
}
