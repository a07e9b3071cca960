import { EntriesView, type MapView } from './map-view.js';

/**
 * What a server rendered with, for the first render in the browser: the entries of maps by name.
 * `dehydrate` makes it; plain objects will do.
 */
export interface HydrationState {
  readonly maps?: { readonly [name: string]: readonly (readonly [string, unknown])[] };
}

const EMPTY: MapView<never> = new EntriesView<never>([]);

/**
 * A state as hooks read it: the same object for the same question, as React wants snapshots, until
 * the client itself has an answer. From then on there is nothing.
 */
export class Hydration {
  private readonly state: HydrationState;
  private readonly views = new Map<string, MapView<never>>();
  /** Names of maps that the client has loaded. */
  private readonly outdated = new Set<string>();

  constructor(state: HydrationState = {}) {
    this.state = state;
  }

  /** The client has loaded this map. */
  outdate(name: string): void {
    this.outdated.add(name);
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
