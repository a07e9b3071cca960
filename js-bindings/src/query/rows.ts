import type { QueryPlan } from './query.js';
import { readPath } from './field.js';

/**
 * A record as a query returns it: the fields of its value, or `value` if it is no plain object, and the
 * record's key as `_key`. Frozen. As long as the record does not change, it is the same object.
 */
export type Row<T> = Readonly<Fields<T>> & { readonly _key: string };
type Fields<T> = T extends object
  ? T extends readonly unknown[] | Date | Uint8Array
    ? { value: T }
    : T
  : { value: T };

/** One step from the rows before to the rows after; steps are taken in order. */
export type RowChange<R> =
  | { readonly type: 'enter'; readonly row: R; readonly index: number }
  | { readonly type: 'update'; readonly row: R; readonly index: number }
  | { readonly type: 'move'; readonly row: R; readonly index: number; readonly from: number }
  | { readonly type: 'leave'; readonly row: R; readonly index: number };

/** Whole records as rows. Rows of one value are one object, whichever query they are in. */
const wholeRows = new WeakMap<object, object>();

/** Makes the row of a record, as the query wants it. */
export function rowOf(plan: QueryPlan, key: string, value: unknown): object {
  if (plan.select.length > 0) {
    const row: Record<string, unknown> = {};
    for (const { name, path } of plan.select) row[name] = readPath(path, key, value) ?? null;
    row['_key'] = key;
    return Object.freeze(row);
  }
  if (typeof value !== 'object' || value === null) return Object.freeze({ value, _key: key });
  const known = wholeRows.get(value);
  if (known !== undefined) return known;
  const isPlain = Object.getPrototypeOf(value) === Object.prototype;
  const row = Object.freeze(
    isPlain ? Object.assign({}, value, { _key: key }) : { value, _key: key },
  );
  wholeRows.set(value, row);
  return row;
}

/** Makes the row of a group out of its values and aggregates, in the order of the query. */
export function groupOf(plan: QueryPlan, values: readonly unknown[]): object {
  const row: Record<string, unknown> = {};
  plan.groupNames.forEach((name, i) => (row[name] = values[i]));
  const group = values.slice(0, plan.shape.groupBy.length);
  row['_key'] = JSON.stringify(group, (_name, each: unknown) =>
    typeof each === 'bigint' ? `${each}n` : each,
  );
  return Object.freeze(row);
}
