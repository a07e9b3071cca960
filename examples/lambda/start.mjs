// usage: node start.mjs [--origin URL] [--port N]
// Calls the handler as AWS Lambda would, with an event for each request, and prints its address.

import { createServer } from 'node:http';
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: {
    origin: { type: 'string', default: 'http://localhost:8080' },
    port: { type: 'string', default: '9000' },
  },
});
process.env.ORIGIN = values.origin;
const { handler } = await import('./handler.mjs');

const server = createServer(async (incoming, outgoing) => {
  const { pathname, search } = new URL(incoming.url, 'http://localhost');
  const body = Buffer.concat(await incoming.toArray());
  const result = await handler({
    version: '2.0',
    rawPath: pathname,
    rawQueryString: search.slice(1),
    headers: incoming.headers,
    requestContext: { http: { method: incoming.method, path: pathname } },
    body: body.toString('base64'),
    isBase64Encoded: true,
  });
  outgoing.writeHead(result.statusCode, result.headers);
  outgoing.end(Buffer.from(result.body, 'base64'));
});
server.listen(Number(values.port), () => console.log(`http://localhost:${server.address().port}/`));
