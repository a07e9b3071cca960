import { useCallback, useSyncExternalStore } from 'react';
import type { BaseClient } from '../client/client.js';
import type { LwwMap } from '../client/lww-map.js';
import type { OrMap } from '../client/or-map.js';
import type { Hydration } from './hydration.js';
import { Bags, LiveBagsView, LiveView, type MapView, type ORMapView } from './map-view.js';
import { useProvided } from './provider.js';

/** Views by map: all components that show one state of a map share one object. */
const views = new WeakMap<object, { readonly version: number; readonly view: unknown }>();
const bags = new WeakMap<object, unknown>();
const NO_BAGS = new LiveBagsView<never>();

/** The view of `map` at its present version, made by `create` if there is none. */
function viewOf<M extends { readonly version: number }, V>(map: M, create: () => V): V {
  const known = views.get(map);
  if (known?.version === map.version) return known.view as V;
  const view = create();
  views.set(map, { version: map.version, view });
  return view;
}

/**
 * The map of this name, and every change of it. For a few of many entries `useEntry` and `useQuery`
 * render less often. Writing is for {@link useMutation}.
 *
 * @example
 * ```tsx
 * import { TopGunClient } from 'topgun';
 * import { TopGunProvider, useMap, useMutation } from 'topgun/react';
 *
 * interface Todo { title: string; done: boolean }
 * const client = new TopGunClient();
 * await client.start();
 *
 * function Todos() {
 *   const todos = useMap<Todo>('todos');
 *   const { add, remove } = useMutation<Todo>('todos');
 *   return (
 *     <>
 *       <ul>
 *         {Array.from(todos, ([key, todo]) => (
 *           <li key={key} onClick={() => remove(key)}>{todo.title}</li>
 *         ))}
 *       </ul>
 *       <button onClick={() => add({ title: 'Milk', done: false })}>Add</button>
 *     </>
 *   );
 * }
 *
 * export default function App() {
 *   return <TopGunProvider client={client}><Todos /></TopGunProvider>;
 * }
 * ```
 */
export function useMap<T>(name: string): MapView<T> {
  const { client, hydration } = useProvided();
  const map = client.getMap<T>(name);
  return useSyncExternalStore(
    useCallback((changed) => follow(client, map, hydration, changed), [client, map, hydration]),
    () => hydrated(map, hydration) ?? viewOf(map, () => new LiveView(map)),
    () => hydration.serverViewOf<T>(name),
  );
}

/**
 * The value of one key, `undefined` if there is none. Renders when this value changes, and not with
 * the rest of the map.
 */
export function useEntry<T>(map: string | LwwMap<T>, key: string): T | undefined {
  const { client, hydration } = useProvided();
  const entries = typeof map === 'string' ? client.getMap<T>(map) : map;
  return useSyncExternalStore(
    useCallback(
      (changed) => follow(client, entries, hydration, changed, key),
      [client, entries, hydration, key],
    ),
    () => (hydrated(entries, hydration) ?? entries).get(key),
    () => hydration.serverViewOf<T>(entries.name).get(key),
  );
}

/** What the server rendered of a map, while the client has nothing to show instead. */
function hydrated<T>(map: LwwMap<T>, hydration: Hydration): MapView<T> | undefined {
  if (map.size > 0) hydration.outdate(map.name);
  return hydration.viewOf(map.name);
}

/** Calls `changed` when the map, or this key of it, may show something else. */
function follow<T>(
  client: BaseClient,
  map: LwwMap<T>,
  hydration: Hydration,
  changed: () => void,
  key?: string,
): () => void {
  const stop = key === undefined ? map.subscribe(changed) : map.subscribe(key, changed);
  if (hydration.viewOf(map.name) === undefined) return stop;
  // An empty map says nothing before the server was asked.
  const stopSynced = client.on('synced', ({ map: name }) => {
    if (name !== map.name) return;
    hydration.outdate(name);
    changed();
  });
  return () => {
    stop();
    stopSynced();
  };
}

/** The map of bags of this name, and every change of it. Writing: `useClient().getORMap(name)`. */
export function useORMap<T>(name: string): ORMapView<T> {
  const { client } = useProvided();
  const map = client.getORMap<T>(name);
  return useSyncExternalStore<ORMapView<T>>(
    useCallback((changed) => map.subscribe(changed), [map]),
    () => viewOf(map, () => new LiveBagsView(map, bagsOf(map))),
    () => NO_BAGS,
  );
}

function bagsOf<T>(map: OrMap<T>): Bags<T> {
  // What is stored under a map was made from this map, here and above.
  let known = bags.get(map) as Bags<T> | undefined;
  if (known === undefined) bags.set(map, (known = new Bags(map)));
  return known;
}

/** The value of a counter: see `getPNCounter`, which also steps it. */
export function useCounter(name: string, key?: string): number {
  const { client } = useProvided();
  return useSyncExternalStore(
    useCallback(
      (changed) => client.getPNCounter(name, key).subscribe(changed),
      [client, name, key],
    ),
    () => client.getPNCounter(name, key).get(),
    () => 0,
  );
}
