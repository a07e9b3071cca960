import * as Y from 'yjs';

export async function firstUse() {
  const map = new Y.Doc().getMap('map');
  map.set('key', { text: 'value' });
  return map.get('key').text;
}
