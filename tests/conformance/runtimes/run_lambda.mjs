// usage: run_lambda.mjs <server URL> <options as JSON>
// Calls the handler as the runtime of AWS Lambda does, and prints the body of its answer.

import { createRequire } from 'node:module';

const { handler } = createRequire(import.meta.url)('./lambda.cjs');
const [server, options] = process.argv.slice(2);
const event = {
  version: '2.0',
  rawPath: '/',
  requestContext: { http: { method: 'GET', path: '/' } },
  queryStringParameters: { server, options },
};
const { statusCode, body } = await handler(event, { awsRequestId: 'test', getRemainingTimeInMillis: () => 60_000 });
if (statusCode !== 200) throw new Error(`answered ${statusCode}`);
console.log(body);
