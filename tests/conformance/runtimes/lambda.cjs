// A function as AWS Lambda calls it: an exported handler that gets an event of API Gateway.
const { TopGunClient, memoryStorage } = require('topgun');

exports.handler = async (event) => {
  const { runConformance } = await import('../suite.mjs');
  const { server, options } = event.queryStringParameters;
  const results = await runConformance({ TopGunClient, memoryStorage }, server, JSON.parse(options));
  return { statusCode: 200, headers: { 'content-type': 'application/json' }, body: JSON.stringify(results) };
};
