import type { TopGunError } from '../errors.js';
import type { ObservedQuery, ObservedResult } from '../query/query.js';
import type { Hydration } from './hydration.js';

/** What `useQuery` returns: another object when, and only when, something in it has changed. */
export interface QueryState<R> {
  /** The rows in order, frozen, each with its `_key`. A row that has not changed is the same object. */
  readonly data: readonly R[];
  /** There are no rows to show yet, not even former ones. */
  readonly loading: boolean;
  /** The rows are those of the options before, or those that a server rendered; others are on their way. */
  readonly stale: boolean;
  /** The rows are all there are: the map is loaded and, with a server, has agreed with it once. */
  readonly settled: boolean;
  readonly error: TopGunError | undefined;
}

const NO_ROWS: readonly never[] = Object.freeze([]);

/** What servers render where nothing was dehydrated. */
export const LOADING: QueryState<never> = {
  data: NO_ROWS,
  loading: true,
  stale: false,
  settled: false,
  error: undefined,
};

/** States by what they were made of, since React compares them by identity. */
const states = new WeakMap<ObservedResult<unknown>, QueryState<unknown>>();

/** What a live query shows now: its own rows, or those of the server until it has any. */
export function stateOf<R>(live: ObservedQuery<R>, id: string, hydration: Hydration): QueryState<R> {
  const snapshot = live.getSnapshot();
  // An empty store says nothing before the server was asked.
  const knows = snapshot.settled || (!snapshot.loading && snapshot.rows.length > 0);
  if (knows) hydration.outdate(id);
  return (snapshot.error === undefined && hydration.rowsOf<R>(id)) || liveState(snapshot);
}

function liveState<R>(snapshot: ObservedResult<R>): QueryState<R> {
  // What is stored under a snapshot was made from this snapshot.
  let state = states.get(snapshot) as QueryState<R> | undefined;
  if (state === undefined) {
    const { rows, loading, settled, error } = snapshot;
    state = { data: rows, loading: loading && error === undefined, stale: false, settled, error };
    states.set(snapshot, state);
  }
  return state;
}
