/** What every entry point with queries exports about them. */
export { type IndexDefinition } from './query/index-definition.js';
export { type AggregateKind, type Hint, type IndexKind, type JoinKind } from './query/encode.js';
export { type Field } from './query/field.js';
export { type IndexState } from './query/indexes.js';
export { Predicates, type Operator, type Predicate, type Tests, type Where } from './query/predicate.js';
export {
  avg,
  count,
  max,
  min,
  sum,
  type Aggregate,
  type Direction,
  type Explanation,
  type Joined,
  type JoinOptions,
  type ObservedQuery,
  type ObservedResult,
  type OrderBy,
  type Query,
  type QueryOptions,
  type QueryResult,
  type RowKind,
  type Scope,
  type Source,
} from './query/query.js';
export { type Row, type RowChange } from './query/rows.js';
export { type View } from './query/view.js';
