// Verbs for the tests of the hooks: they run in the page, and what they return crosses to the test.

import { StrictMode, startTransition, useLayoutEffect, useState } from 'react';
import { createRoot, hydrateRoot } from 'react-dom/client';
import { flushSync } from 'react-dom';

import { TopGunClient, memoryStorage } from 'topgun';
import { TopGunProvider, parseState, useClient, useEntry } from 'topgun/react';

import { Everything, Found, Waiting, renders } from './components.jsx';

const container = document.querySelector('main');
const complaints = [];
// React reports what it finds wrong in development as errors of the console.
console.error = (...what) => complaints.push(what.map(String).join(' '));

let client;
let root;

async function open(options = {}) {
  client = new TopGunClient({ storage: memoryStorage(), ...options });
  globalThis.client = client;
  await client.start();
}

/** Renders one component; called again, with other properties. */
function show(name, props) {
  const Shown = { Found, Waiting }[name];
  root ??= createRoot(container);
  flushSync(() =>
    root.render(
      <StrictMode>
        <TopGunProvider client={client}><Shown {...props} /></TopGunProvider>
      </StrictMode>,
    ),
  );
}

/** Listeners of the client and of its maps. */
function listeners() {
  const sizes = [...client.emitter.listeners.values()].map((set) => set.size);
  for (const { map } of client.maps.values()) sizes.push(map.listeners.size);
  return sizes.reduce((sum, size) => sum + size, 0);
}

function mount() {
  root = createRoot(container);
  flushSync(() => root.render(<Everything client={client} />));
}

/** Hydrates what a server rendered. Returns what the page shows before the client has started. */
function hydrate(html, stateText) {
  container.innerHTML = html;
  client = new TopGunClient({ storage: memoryStorage() });
  globalThis.client = client;
  const state = parseState(stateText);
  const onRecoverableError = (error) => complaints.push(String(error));
  flushSync(() => {
    root = hydrateRoot(container, <Everything client={client} state={state} />, { onRecoverableError });
  });
}

function shown() {
  return Object.fromEntries([...document.querySelectorAll('[data-shows]')].map((each) => [each.dataset.shows, each.textContent]));
}

/** Lets `ms` pass as a component does that has much to compute. */
function compute(ms) {
  const end = performance.now() + ms;
  while (performance.now() < end);
}

/**
 * Renders a hundred slow components in a transition, in pieces, while the map is written to between the
 * pieces. Returns the committed pages on which two components showed different values.
 */
async function tornCommits(useValue) {
  await open();
  const map = client.getMap('m');
  map.set('x', 0);
  let torn = 0;
  let commits = 0;
  let show;
  function Slow() {
    const value = useValue();
    compute(1);
    return <i>{value}</i>;
  }
  function Page() {
    const [many, setMany] = useState(false);
    show = () => startTransition(() => setMany(true));
    const content = many ? Array.from({ length: 100 }, (_, i) => <Slow key={i} />) : null;
    useLayoutEffect(() => {
      if (!many) return;
      commits++;
      if (new Set(Array.from(container.querySelectorAll('i'), (each) => each.textContent)).size > 1) torn++;
    });
    return content;
  }
  root = createRoot(container);
  flushSync(() => root.render(<TopGunProvider client={client}><Page /></TopGunProvider>));
  let writes = 0;
  const { port1, port2 } = new MessageChannel();
  // Messages come between the pieces of a rendering; timers might not.
  port1.onmessage = () => {
    if (commits > 0) return;
    map.set('x', ++writes);
    setTimeout(() => port2.postMessage(null), 2);
  };
  port2.postMessage(null);
  show();
  while (commits === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  root.unmount();
  return { torn, writes };
}

globalThis.kit = {
  open,
  mount,
  show,
  hydrate,
  /** Live queries that the client keeps. */
  liveQueries: () => client.queries.live.size,
  listeners,
  shown,
  renders,
  complaints,
  flushSync,
  unmount: () => root.unmount(),
  tornWithHook: () => tornCommits(() => useEntry('m', 'x')),
  tornWithoutHook: () => tornCommits(() => useClient().getMap('m').get('x')),
};
