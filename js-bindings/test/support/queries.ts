import type { EngineFactory } from '../../src/bindings/engine.js';
import type { Query } from '../../src/query/query.js';
import type { RowChange } from '../../src/query/rows.js';
import { queryFactories, testOnCores } from './cores.js';

/** The keys of what a query finds, one after the other. */
export async function keysOf<T, R extends { readonly _key: string }>(query: Query<T, R>): Promise<string> {
  return (await query.get()).rows.map(({ _key }) => _key).join('');
}

/** One test for each build of the core that answers queries. */
export function onQueryCores(name: string, run: (factory: EngineFactory) => Promise<void>): void {
  testOnCores(`query: ${name}`, run, queryFactories);
}

/** Follows the changes of a live query on a copy of its own. */
export function follow<R extends { readonly _key: string }>(): {
  rows: R[];
  apply: (changes: readonly RowChange<R>[]) => void;
} {
  const rows: R[] = [];
  const apply = (changes: readonly RowChange<R>[]): void => {
    for (const change of changes) {
      if (change.type === 'enter') rows.splice(change.index, 0, change.row);
      else if (change.type === 'update') rows[change.index] = change.row;
      else if (change.type === 'leave') rows.splice(change.index, 1);
      else {
        rows.splice(change.from, 1);
        rows.splice(change.index, 0, change.row);
      }
    }
  };
  return { rows, apply };
}
