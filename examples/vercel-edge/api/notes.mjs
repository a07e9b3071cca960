// Notes in an edge function of Vercel: reads from a replica in memory, at most two seconds old; writes that go
// through to the origin.

import { createEdgeReplica } from 'topgun/edge';

export const config = { runtime: 'edge' };

/** Lives as long as the isolate does, which may be for one request or for hours. */
let replica;

export default async function handler(request) {
  replica ??= createEdgeReplica({
    serverUrl: process.env.ORIGIN,
    token: process.env.TOKEN ?? '',
    maxStalenessMs: 2_000,
  });
  const notes = replica.getMap('notes');
  const key = new URL(request.url).searchParams.get('key');
  if (request.method === 'PUT' && key) {
    const text = await request.text();
    await replica.write(() => notes.set(key, { text }));
    return new Response(null, { status: 204 });
  }
  await replica.fresh();
  return Response.json(key ? (notes.get(key) ?? null) : Object.fromEntries(notes));
}
