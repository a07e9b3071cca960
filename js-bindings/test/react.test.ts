import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { createElement, type FunctionComponent } from 'react';
import { renderToString } from 'react-dom/server';
import { BaseClient } from '../src/client/client.js';
import { ErrorCode } from '../src/errors.js';
import {
  TopGunProvider,
  parseState,
  useConnection,
  useCounter,
  useEntry,
  useMap,
  useMutation,
  useORMap,
  usePendingOps,
  useQuery,
  useSuspenseQuery,
  type HydrationState,
} from '../src/react/index.js';
import { dehydrate, stringifyState } from '../src/react/server.js';
import { clientOn, queryClientOn } from './support/clients.js';
import { FakeFactory } from './support/fake-engine.js';

// What servers do with the hooks: render, dehydrate, write down. What browsers do is tested in one,
// in tests/browser.

async function startedClient(t: TestContext): Promise<BaseClient> {
  const client = clientOn(new FakeFactory());
  await client.start();
  t.after(() => client.close());
  return client;
}

/** The HTML of a component that shows what `read` returns. */
function render(client: BaseClient, read: () => unknown, state?: HydrationState): string {
  const Shown: FunctionComponent = () => String(read());
  return renderToString(
    createElement(TopGunProvider, { client, state, children: createElement(Shown) }),
  );
}

test('react: a server renders maps from the state it is given, and nothing else', async (t) => {
  const client = await startedClient(t);
  client.getMap<number>('scores').set('ann', 3);
  const read = (): string => JSON.stringify([...useMap<number>('scores')].flat());
  assert.equal(render(client, read), '[]');
  const state = await dehydrate(client, { maps: ['scores'] });
  assert.deepEqual(state.maps, { scores: [['ann', 3]] });
  assert.match(render(client, read, state), /ann.*3/);
  assert.equal(render(client, () => useEntry<number>('scores', 'ann'), state), '3');
  assert.equal(render(client, () => useEntry<number>('scores', 'bob'), state), 'undefined');
});

test('react: a server renders the rest as a browser does that has nothing yet', async (t) => {
  const client = await startedClient(t);
  client.getORMap<string>('tags').add('a', 'x');
  client.getPNCounter('likes').increment();
  assert.equal(render(client, () => useORMap('tags').size), '0');
  assert.equal(render(client, () => useCounter('likes')), '0');
  assert.equal(render(client, () => usePendingOps()), '0');
  assert.equal(render(client, () => useConnection().status), 'new');
  assert.equal(render(client, () => useMutation('scores').rejected), 'undefined');
});

test('react: a server renders rows from the state it is given, and the others as not there yet', async (t) => {
  const client = queryClientOn(new FakeFactory());
  await client.start();
  t.after(() => client.close());
  const open = client.query<{ done: boolean }>('todos', { where: { done: false } });
  const state = { queries: { [open.id]: [{ _key: 'a', done: false }] } };
  const inWords = (): string => {
    const { data, loading, stale, settled } = useQuery<{ done: boolean }>('todos', { where: { done: false } });
    return [data.map(({ _key }) => _key), loading, stale, settled].join(' ');
  };
  assert.equal(render(client, inWords), ' true false false');
  assert.equal(render(client, inWords, state), 'a false true false');
  assert.equal(render(client, () => useSuspenseQuery(open).data.length, state), '1');
  assert.throws(() => render(client, () => useSuspenseQuery(open).data.length), { code: ErrorCode.NotReady });
});

test('react: a client without queries is told apart from one with', async (t) => {
  const client = await startedClient(t);
  assert.throws(() => render(client, () => useQuery('todos').data.length), {
    code: ErrorCode.NotReady,
    message: /answers no queries/,
  });
});

test('react: rendering on a server leaves no listener behind', async (t) => {
  const client = await startedClient(t);
  const state = { maps: { scores: [['ann', 3]] } } as const;
  render(client, () => [useMap('scores').size, usePendingOps(), useConnection().status], state);
  const { listeners } = client.getMap('scores') as unknown as { listeners: Set<unknown> };
  const { emitter } = client as unknown as { emitter: { listeners: Map<string, Set<unknown>> } };
  assert.equal(listeners.size, 0);
  assert.equal([...emitter.listeners.values()].reduce((sum, each) => sum + each.size, 0), 0);
});

test('react: a hook without a provider says so', () => {
  const Lost: FunctionComponent = () => String(useMap('scores').size);
  assert.throws(() => renderToString(createElement(Lost)), {
    code: ErrorCode.NotReady,
    message: /TopGunProvider/,
  });
});

test('react: a state as text comes back as it was, and cannot end its script element', () => {
  const value = {
    text: '</script><!--',
    date: new Date(1_700_000_000_000),
    big: 2n ** 70n,
    bytes: Uint8Array.from({ length: 300 }, (_, i) => i),
    numbers: [1.5, -0, NaN, Infinity, -Infinity],
    nothing: null,
    $: ['date', 0],
    nested: { $: { $: 1 } },
  };
  const state: HydrationState = { maps: { m: [['k', value]] }, queries: { q: [{ _key: 'a', ...value }] } };
  const text = stringifyState(state);
  assert.doesNotMatch(text, /</);
  const back = parseState(text);
  assert.deepEqual(back, state);
  const [[, row]] = back.maps!['m'] as [[string, typeof value]];
  assert.ok(Object.isFrozen(row) && Object.isFrozen(row.numbers));
});

test('react: what is no plain value is refused by the text of a state', () => {
  const state: HydrationState = { maps: { m: [['k', new Map()]] } };
  assert.throws(() => stringifyState(state), { code: ErrorCode.InvalidArgument });
});
