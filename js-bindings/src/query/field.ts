import { ErrorCode, TopGunError } from '../errors.js';

/**
 * A place in a record: the name of a field, names with dots between them for a field further inside
 * (`address.city`; a number counts in an array), the names as an array if one of them has a dot, or
 * `$key` for the record's key. A field of a joined record begins with the name of its join.
 */
export type Field<T> =
  | (unknown extends T ? string : T extends object ? Extract<keyof T, string> : never)
  | '$key'
  | '_key'
  | `${string}.${string}`
  | readonly string[];

/** What stands at a place, as far as the map's type tells. */
export type FieldValue<T, F> = F extends keyof T ? T[F] : F extends '$key' | '_key' ? string : unknown;

/** A field as it was given. */
export type Attribute = string | readonly string[];

/** A place, resolved: a side of the query, and there the record's key or the steps into its value. */
export interface Path {
  readonly side: number;
  /** Nothing for the key. */
  readonly steps: readonly string[] | undefined;
}

/** How the values of a relation are made: by whoever wrote them, or by the query of a view. */
export type ValueShape =
  | { readonly kind: 'whole' }
  /** An array of the values that these names stand for. */
  | { readonly kind: 'columns'; readonly names: readonly string[] }
  /** An array of records: the view's own, then those of its joins. */
  | { readonly kind: 'sides'; readonly names: readonly string[] };

export const WHOLE: ValueShape = { kind: 'whole' };

/** What the names of a query stand for. */
export interface Scope {
  readonly own: ValueShape;
  readonly joins: readonly { readonly name: string; readonly shape: ValueShape }[];
}

const STEPS_MAX = 16;

/** Resolves a field. Throws `InvalidArgument` for what is none. */
export function pathOf(field: Attribute, scope: Scope): Path {
  if (isPlainName(field) && scope.joins.length === 0 && scope.own.kind === 'whole') return { side: 0, steps: [field] };
  const steps = typeof field === 'string' ? field.split('.') : field;
  const isValid =
    Array.isArray(steps) &&
    steps.length <= STEPS_MAX &&
    steps.every((step) => typeof step === 'string' && step !== '');
  if (!isValid) throw new TopGunError(ErrorCode.InvalidArgument, `not a field: ${JSON.stringify(field)}`);
  const join = scope.joins.findIndex(({ name }) => name === steps[0]);
  const shape = scope.joins[join]?.shape ?? scope.own;
  const rest = join < 0 ? steps : steps.slice(1);
  const isKey = rest.length === 1 && (rest[0] === '$key' || rest[0] === '_key');
  return { side: join + 1, steps: isKey ? undefined : placeIn(shape, rest, field) };
}

/** As most fields are. */
function isPlainName(field: Attribute): field is string {
  return typeof field === 'string' && field !== '' && field !== '$key' && field !== '_key' && !field.includes('.');
}

/** Where a field stands in values of this shape. */
function placeIn(shape: ValueShape, steps: readonly string[], field: Attribute): readonly string[] {
  if (shape.kind === 'whole') return steps;
  const { names } = shape;
  if (shape.kind === 'sides') {
    const side = names.indexOf(steps[0] ?? '');
    return side < 0 ? ['0', ...steps] : [String(side + 1), ...steps.slice(1)];
  }
  const whole = names.indexOf(steps.join('.'));
  if (whole >= 0) return [String(whole)];
  const column = names.indexOf(steps[0] ?? '');
  if (column >= 0) return [String(column), ...steps.slice(1)];
  throw new TopGunError(ErrorCode.InvalidArgument, `the view has no ${JSON.stringify(field)}`);
}

/** What a row calls the place: the text that names it. */
export function nameOf(field: Attribute): string {
  if (typeof field !== 'string') return field.join('.');
  return field === '$key' ? '_key' : field;
}

/** The value at a place; `undefined` where the record has none. As the core reads it. */
export function readSteps(steps: readonly string[], value: unknown): unknown {
  let at: unknown = value;
  for (const step of steps) {
    if (typeof at !== 'object' || at === null) return undefined;
    if (Array.isArray(at) && !/^(0|[1-9]\d*)$/.test(step)) return undefined;
    if (!Object.hasOwn(at, step)) return undefined;
    at = (at as Record<string, unknown>)[step];
  }
  return at;
}
