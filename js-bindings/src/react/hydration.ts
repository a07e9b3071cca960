import { EntriesView, type MapView } from './map-view.js';
import type { QueryState } from './query-result.js';

/**
 * What a server rendered with, for the first render in the browser: rows by the id of their query,
 * and the entries of maps by name. `dehydrate` makes it; plain objects will do.
 */
export interface HydrationState {
  readonly queries?: { readonly [id: string]: readonly object[] };
  readonly maps?: { readonly [name: string]: readonly (readonly [string, unknown])[] };
}

const EMPTY: MapView<never> = new EntriesView<never>([]);

/**
 * A state as hooks read it: the same object for the same question, as React wants snapshots, until
 * the client itself has an answer. From then on there is nothing.
 */
export class Hydration {
  private readonly state: HydrationState;
  private readonly results = new Map<string, QueryState<never>>();
  private readonly views = new Map<string, MapView<never>>();
  /** Ids of queries and names of maps to which the client has an answer. */
  private readonly outdated = new Set<string>();

  constructor(state: HydrationState = {}) {
    this.state = state;
  }

  /** The client has an answer to this query, or has loaded this map. */
  outdate(idOrName: string): void {
    this.outdated.add(idOrName);
  }

  /** The rows of this query. */
  rowsOf<R>(id: string): QueryState<R> | undefined {
    return this.outdated.has(id) ? undefined : this.renderedRowsOf(id);
  }

  /** The rows of this query that the server rendered, whatever the client knows. */
  renderedRowsOf<R>(id: string): QueryState<R> | undefined {
    const rows = this.state.queries?.[id];
    if (rows === undefined) return undefined;
    let result = this.results.get(id);
    if (result === undefined) {
      // What type the rows have is the application's word, here as in `getMap<T>`.
      const data = Object.freeze([...rows]) as readonly never[];
      result = { data, loading: false, stale: true, settled: false, error: undefined };
      this.results.set(id, result);
    }
    return result;
  }

  /** The entries of this map. */
  viewOf<T>(name: string): MapView<T> | undefined {
    return this.outdated.has(name) ? undefined : this.renderedViewOf(name);
  }

  /** The entries of this map that the server rendered, whatever the client knows. */
  renderedViewOf<T>(name: string): MapView<T> | undefined {
    const entries = this.state.maps?.[name];
    if (entries === undefined) return undefined;
    let view = this.views.get(name);
    if (view === undefined) {
      view = new EntriesView(entries as readonly (readonly [string, never])[]);
      this.views.set(name, view);
    }
    return view as MapView<T>;
  }

  /** What a server shows of this map, and the first render in the browser. */
  serverViewOf<T>(name: string): MapView<T> {
    return this.renderedViewOf<T>(name) ?? (EMPTY as MapView<T>);
  }
}
