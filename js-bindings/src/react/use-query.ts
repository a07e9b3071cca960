import {
  useCallback,
  useEffect,
  useLayoutEffect,
  useMemo,
  useReducer,
  useRef,
  useSyncExternalStore,
} from 'react';
import type { BaseClient } from '../client/client.js';
import type { LwwMap } from '../client/lww-map.js';
import { ErrorCode, TopGunError } from '../errors.js';
import type { QueryClient } from '../query/client.js';
import type { ObservedQuery, Query, QueryOptions, RowKind } from '../query/query.js';
import type { Row } from '../query/rows.js';
import type { View } from '../query/view.js';
import { useProvided } from './provider.js';
import { LOADING, stateOf, type QueryState } from './query-result.js';

export interface UseQueryOptions {
  /**
   * Goes on showing the rows of the former options until those of the new ones are there, marked as
   * `stale`. Default: true.
   */
  readonly keepPrevious?: boolean;
  /**
   * Milliseconds between two renderings that changes cause, for rows that change faster than anybody
   * reads. Default: none; every change is rendered in the turn in which it happens.
   */
  readonly everyMs?: number;
}

/**
 * The rows of a query, kept true: the component renders when they change. Equal queries on one page
 * are one subscription. Options may be written in place; they are compared by what they say. A query
 * for groups, or for some fields, is made by the client and passed as it is.
 *
 * @example
 * ```tsx
 * import { TopGunClient, count } from 'topgun';
 * import { TopGunProvider, useClient, useQuery } from 'topgun/react';
 *
 * interface Todo { title: string; list: string; done: boolean }
 * const client = new TopGunClient();
 * await client.start();
 *
 * function Open() {
 *   const { data, loading } = useQuery<Todo>('todos', { where: { done: false }, orderBy: 'title', limit: 20 });
 *   if (loading) return <p>…</p>;
 *   return <ul>{data.map(({ _key, title }) => <li key={_key}>{title}</li>)}</ul>;
 * }
 *
 * function Lists() {
 *   const lists = useClient().query<Todo>('todos').groupBy('list').aggregate({ todos: count() });
 *   const { data } = useQuery(lists);
 *   return <p>{data.map(({ list, todos }) => `${list}: ${todos}`).join(', ')}</p>;
 * }
 *
 * export default function App() {
 *   return <TopGunProvider client={client}><Open /><Lists /></TopGunProvider>;
 * }
 * ```
 */
export function useQuery<T>(
  map: string | LwwMap<T>,
  options?: QueryOptions<T>,
  use?: UseQueryOptions,
): QueryState<Row<T>>;
export function useQuery<R>(view: View<R>, options?: QueryOptions<R>, use?: UseQueryOptions): QueryState<R>;
export function useQuery<T, R, K extends RowKind>(
  query: Query<T, R, K>,
  use?: UseQueryOptions,
): QueryState<R>;
export function useQuery<T>(
  source: QuerySource<T>,
  second?: QueryOptions<T> | UseQueryOptions,
  third?: UseQueryOptions,
): QueryState<Row<T>> {
  const { query, use } = useSource(source, second, third);
  const { state } = useRows(query, use);
  return state;
}

/** What `useSuspenseQuery` returns: there is always something to show. */
export type SuspenseQueryState<R> = Omit<QueryState<R>, 'loading' | 'error'>;

/**
 * The rows of a query, as `useQuery` has them, for components below a `Suspense` and an error
 * boundary: it waits for the first rows, and throws what fails. On a server the rows have to be in the
 * state of the provider; without them the boundary is left to the browser.
 */
export function useSuspenseQuery<T>(
  map: string | LwwMap<T>,
  options?: QueryOptions<T>,
  use?: UseQueryOptions,
): SuspenseQueryState<Row<T>>;
export function useSuspenseQuery<R>(
  view: View<R>,
  options?: QueryOptions<R>,
  use?: UseQueryOptions,
): SuspenseQueryState<R>;
export function useSuspenseQuery<T, R, K extends RowKind>(
  query: Query<T, R, K>,
  use?: UseQueryOptions,
): SuspenseQueryState<R>;
export function useSuspenseQuery<T>(
  source: QuerySource<T>,
  second?: QueryOptions<T> | UseQueryOptions,
  third?: UseQueryOptions,
): SuspenseQueryState<Row<T>> {
  const { query, use } = useSource(source, second, third);
  const { client } = useProvided();
  const { state, live } = useRows(query, use);
  if (state === LOADING) {
    throw new TopGunError(ErrorCode.NotReady, 'these rows are not in the state of <TopGunProvider>');
  }
  if (state.error !== undefined) throw state.error;
  if (state.loading) throw firstRows(client, query.id, live);
  return state;
}

function answersQueries(client: BaseClient): client is QueryClient {
  return 'query' in client;
}

type QuerySource<T> = string | LwwMap<T> | View<Row<T>> | Query<T, Row<T>>;

function isQuery<T>(source: QuerySource<T>): source is Query<T, Row<T>> {
  return typeof source === 'object' && 'observe' in source;
}

/** One form of the two in which a query may be passed. */
function useSource<T>(
  source: QuerySource<T>,
  second: QueryOptions<T> | UseQueryOptions | undefined,
  third: UseQueryOptions | undefined,
): { query: Query<T, Row<T>>; use: UseQueryOptions } {
  const { client } = useProvided();
  if (isQuery(source)) return { query: source, use: (second as UseQueryOptions | undefined) ?? {} };
  if (!answersQueries(client)) {
    throw new TopGunError(ErrorCode.NotReady, 'this client answers no queries; that of `topgun` does');
  }
  // Maps and views alike: the overloads have told them apart by their types.
  const query = client.query(source as LwwMap<T>, second as QueryOptions<T> | undefined);
  return { query, use: third ?? {} };
}

function useRows<T, R>(
  query: Query<T, R>,
  { keepPrevious = true, everyMs = 0 }: UseQueryOptions,
): { state: QueryState<R>; live: ObservedQuery<R> } {
  const { client, hydration } = useProvided();
  const { id } = query;
  // Queries with one id are equal: the first one serves for those that follow.
  const live = useMemo(() => query.observe(), [client, id]);
  const now = useSyncExternalStore(
    useCallback(
      (changed) => {
        const pace = new Pace(changed, everyMs);
        const stop = live.subscribe(() => pace.call());
        return () => {
          stop();
          pace.end();
        };
      },
      [live, everyMs],
    ),
    () => stateOf(live, id, hydration),
    () => hydration.renderedRowsOf<R>(id) ?? LOADING,
  );
  useAtOnce(live);

  const shown = useRef<readonly R[] | undefined>(undefined);
  const former = keepPrevious && now.loading ? shown.current : undefined;
  const state = useMemo(
    () => (former === undefined ? now : { ...now, data: former, loading: false, stale: true }),
    [now, former],
  );
  useEffect(() => {
    shown.current = state.loading ? undefined : state.data;
  }, [state]);
  return { state, live };
}

/** Calls a function at once, and then no more often than every so many milliseconds. */
class Pace {
  private readonly run: () => void;
  private readonly everyMs: number;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private called = false;

  constructor(run: () => void, everyMs: number) {
    this.run = run;
    this.everyMs = everyMs;
  }

  call(): void {
    if (this.timer !== undefined) {
      this.called = true;
      return;
    }
    this.run();
    if (this.everyMs > 0) this.timer = setTimeout(() => this.ended(), this.everyMs);
  }

  end(): void {
    clearTimeout(this.timer);
  }

  private ended(): void {
    this.timer = undefined;
    if (!this.called) return;
    this.called = false;
    this.call();
  }
}

// React 18 warns of layout effects on servers, where they do nothing.
const useBrowserLayoutEffect = typeof document === 'undefined' ? useEffect : useLayoutEffect;

/** Has rows that are in memory on the page with its first picture, and not with the second. */
function useAtOnce(live: ObservedQuery<unknown>): void {
  const [, renderAgain] = useReducer((times: number) => times + 1, 0);
  useBrowserLayoutEffect(() => {
    const before = live.getSnapshot();
    const stop = live.subscribe(() => undefined);
    if (live.getSnapshot() !== before) renderAgain();
    return stop;
  }, [live]);
}

/** How long rows are kept for a component that waits for them and then does not come. */
const GRACE_MS = 5_000;
const waiting = new WeakMap<BaseClient, Map<string, Promise<void>>>();

/** Resolves when the query has rows or an error; keeps it running until the component subscribes. */
function firstRows(client: BaseClient, id: string, live: ObservedQuery<unknown>): Promise<void> {
  let promises = waiting.get(client);
  if (promises === undefined) waiting.set(client, (promises = new Map()));
  const known = promises.get(id);
  if (known !== undefined) return known;

  let arrived = (): void => undefined;
  const promise = new Promise<void>((resolve) => (arrived = resolve));
  const check = (): void => {
    const { loading, error } = live.getSnapshot();
    if (!loading || error !== undefined) arrived();
  };
  const stop = live.subscribe(check);
  check();
  promises.set(id, promise);
  void promise.then(() => {
    promises.delete(id);
    setTimeout(stop, GRACE_MS);
  });
  return promise;
}
