// Notes in a function of AWS Lambda, behind a function URL or an HTTP API: reads from a replica in the memory of
// the instance, at most two seconds old; writes that go through to the origin; /sync passed on to it.

import { createEdgeReplica, syncRelay } from 'topgun/edge';

const origin = process.env.ORIGIN ?? 'http://localhost:8080';

/** Lives as long as the instance does. Nothing happens before the first call. */
const replica = createEdgeReplica({ serverUrl: origin, token: process.env.TOKEN ?? '', maxStalenessMs: 2_000 });
const notes = replica.getMap('notes');

export async function handler(event) {
  return toResult(await route(toRequest(event)));
}

async function route(request) {
  const { pathname } = new URL(request.url);
  // Lambda answers whole: a stream would end only when the function is ended.
  if (pathname === '/sync') return syncRelay(request, { origin, timeoutMs: 28_000 });
  const key = decodeURIComponent(/^\/notes\/(.+)$/.exec(pathname)?.[1] ?? '');
  if (request.method === 'PUT' && key !== '') {
    const text = await request.text();
    await replica.write(() => notes.set(key, { text }));
    return new Response(null, { status: 204 });
  }
  if (pathname !== '/notes' && key === '') return new Response('not found\n', { status: 404 });
  await replica.fresh();
  return Response.json(key === '' ? Object.fromEntries(notes) : (notes.get(key) ?? null));
}

function toRequest({ rawPath, rawQueryString, headers, body, isBase64Encoded, requestContext }) {
  const { method } = requestContext.http;
  const query = rawQueryString ? `?${rawQueryString}` : '';
  return new Request(`https://lambda${rawPath}${query}`, {
    method,
    headers,
    ...(body ? { body: Buffer.from(body, isBase64Encoded ? 'base64' : 'utf8') } : {}),
  });
}

async function toResult(response) {
  return {
    statusCode: response.status,
    headers: Object.fromEntries(response.headers),
    body: Buffer.from(await response.arrayBuffer()).toString('base64'),
    isBase64Encoded: true,
  };
}
