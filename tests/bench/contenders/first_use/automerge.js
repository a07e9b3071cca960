import * as Automerge from '@automerge/automerge';

export async function firstUse() {
  const doc = Automerge.change(Automerge.init(), (draft) => {
    draft.key = { text: 'value' };
  });
  return doc.key.text;
}
