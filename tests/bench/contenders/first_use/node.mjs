// usage: node node.mjs topgun|yjs|automerge
// Prints the milliseconds from before the import to after the first set and get.

const begin = performance.now();
const { contenders } = await import('../maps.mjs');
const map = await contenders[process.argv[2]]();
map.set('key', { text: 'value' });
if (map.get('key')?.text !== 'value') throw new Error('the value is not there');
map.settle();
console.log(performance.now() - begin);
await map.close();
