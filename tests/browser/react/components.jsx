// What the tests render, on the server and in the page: every hook once.

import { Component, StrictMode, Suspense } from 'react';

import { count as countRows } from 'topgun';

import {
  TopGunProvider,
  useClient,
  useConnection,
  useCounter,
  useEntry,
  useMap,
  useMutation,
  useORMap,
  usePendingOps,
  useQuery,
  useSuspenseQuery,
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

const names = (rows) => rows.map(({ _key }) => _key).join(' ');

/** What the page shows of a query, in words. */
function inWords({ data, loading, stale, settled, error }) {
  const words = { loading, stale, settled };
  const state = Object.keys(words).filter((word) => words[word]);
  return `${names(data)}${error ? ` ${error.codeName}` : ''} (${state.join(', ')})`;
}

export function Found({ source = 'scores', options = {}, use }) {
  count('found');
  return <p data-shows="found">{inWords(useQuery(source, options, use))}</p>;
}

/** The same question as `Found` asks without options, by the builder. */
function FoundByBuilder() {
  return <p data-shows="builder">{inWords(useQuery(useClient().query('scores')))}</p>;
}

function Counted() {
  const { data } = useQuery(useClient().query('scores').aggregate({ scores: countRows() }));
  return <p data-shows="counted">{data[0]?.scores ?? 'nothing'}</p>;
}

function Awaited({ options }) {
  const { data } = useSuspenseQuery('scores', options);
  return <p data-shows="awaited">{names(data)}</p>;
}

class Boundary extends Component {
  state = { error: undefined };

  static getDerivedStateFromError(error) {
    return { error };
  }

  render() {
    const { error } = this.state;
    return error ? <p data-shows="awaited">failed: {error.codeName}</p> : this.props.children;
  }
}

export function Waiting({ options = {} }) {
  return (
    <Boundary>
      <Suspense fallback={<p data-shows="awaited">wait</p>}>
        <Awaited options={options} />
      </Suspense>
    </Boundary>
  );
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
        <Found />
        <FoundByBuilder />
        <Counted />
        <Tags />
        <Likes />
        <Status />
        <Pending />
        <Editor />
      </TopGunProvider>
    </StrictMode>
  );
}
