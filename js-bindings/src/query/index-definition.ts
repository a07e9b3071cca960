import type { IndexKind } from './encode.js';
import { nameOf } from './field.js';
import type { Index } from './indexes.js';
import { orderOf, type OrderBy } from './query.js';

/** What an index is over; see `docs/queries.md` for what each kind answers. */
export interface IndexDefinition<T> {
  /** The fields, in order; for an ordered index, each ascending or, with `-`, descending. */
  readonly on: OrderBy<T>;
  /** Default: `ordered`. */
  readonly kind?: IndexKind;
  /** What hints and `explain` call it. Default: made from kind and fields. */
  readonly name?: string;
}

/** The index as the engine is told of it. */
export function indexOf<T>({ on, kind = 'ordered', name }: IndexDefinition<T>): Index {
  const parts = orderOf(on);
  const fields = parts.map(({ field, descending }) => `${descending ? '-' : ''}${nameOf(field)}`).join(',');
  return { name: name ?? (kind === 'ordered' ? fields : `${kind}:${fields}`), kind, parts };
}
