// What the tests render, on the server and in the page: every hook once.

import { StrictMode } from 'react';

import {
  TopGunProvider,
  useConnection,
  useCounter,
  useEntry,
  useMap,
  useMutation,
  useORMap,
  usePendingOps,
} from 'topgun/react';

/** How often each component has rendered, by name. */
export const renders = {};

function count(name) {
  renders[name] = (renders[name] ?? 0) + 1;
}

function Scores() {
  count('map');
  const scores = useMap('scores');
  const text = Array.from(scores, ([key, value]) => `${key}:${value}`);
  return <p data-shows="map">{text.sort().join(' ')}</p>;
}

function Ann() {
  count('entry');
  return <p data-shows="entry">{String(useEntry('scores', 'ann'))}</p>;
}

function Tags() {
  count('bags');
  return <p data-shows="bags">{useORMap('tags').get('a').join(' ')}</p>;
}

function Likes() {
  return <p data-shows="counter">{useCounter('likes')}</p>;
}

function Status() {
  const { status, tabRole, transport } = useConnection();
  return <p data-shows="connection">{[status, tabRole, transport].join(' ')}</p>;
}

function Pending() {
  return <p data-shows="pending">{usePendingOps()}</p>;
}

function Editor() {
  const { set, update, remove, add, rejected, dismiss } = useMutation('scores');
  globalThis.mutation = { set, update, remove, add, dismiss };
  return <p data-shows="rejected">{rejected?.error.codeName ?? 'nothing'}</p>;
}

export function Everything({ client, state }) {
  return (
    <StrictMode>
      <TopGunProvider client={client} state={state}>
        <Scores />
        <Ann />
        <Tags />
        <Likes />
        <Status />
        <Pending />
        <Editor />
      </TopGunProvider>
    </StrictMode>
  );
}
