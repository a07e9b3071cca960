/** What servers need that render pages: no hooks, no WebAssembly. */
import type { BaseClient } from '../client/client.js';
import type { HydrationState } from './hydration.js';

export type { HydrationState } from './hydration.js';
export { stringifyState } from './state-text.js';

/** What a page is rendered with. */
export interface Dehydrated {
  /** Queries of its components. */
  readonly queries?: readonly { readonly id: string; get(): Promise<{ readonly rows: readonly object[] }> }[];
  /** Names of maps that its components read. */
  readonly maps?: readonly string[];
}

/**
 * Runs queries and reads maps for the `state` of a `TopGunProvider`, on the server and then in the
 * browser: both render the same, at once. Frameworks that pass props from the server to the browser take the state as it is;
 * elsewhere it travels as text, by `stringifyState` and, in the browser, `parseState` of `topgun/react`.
 *
 * @example
 * ```tsx
 * import { renderToString } from 'react-dom/server';
 * import { TopGunClient } from 'topgun';
 * import { TopGunProvider, useMap } from 'topgun/react';
 * import { dehydrate, stringifyState } from 'topgun/react/server';
 *
 * const client = new TopGunClient({ serverUrl: 'http://localhost:8080' });
 * await client.start();
 *
 * function Count() {
 *   return <p>{useMap('todos').size} todos</p>;
 * }
 *
 * const state = await dehydrate(client, { maps: ['todos'] });
 * const html = renderToString(
 *   <TopGunProvider client={client} state={state}>
 *     <Count />
 *   </TopGunProvider>,
 * );
 * console.log(html, `<script type="application/json">${stringifyState(state)}</script>`);
 * await client.close();
 * ```
 */
export async function dehydrate(client: BaseClient, wanted: Dehydrated): Promise<HydrationState> {
  const { queries = [], maps = [] } = wanted;
  const rows = queries.map(async (query) => [query.id, (await query.get()).rows] as const);
  const entries = maps.map(async (name) => {
    const map = client.getMap<unknown>(name);
    await map.loaded();
    return [name, Array.from(map)] as const;
  });
  return {
    queries: Object.fromEntries(await Promise.all(rows)),
    maps: Object.fromEntries(await Promise.all(entries)),
  };
}
