import { ErrorCode, TopGunError } from '../errors.js';

/**
 * A place in a record: the name of a field, names with dots between them for a field further inside
 * (`address.city`; a number counts in an array), the names as an array if one of them has a dot, or
 * `$key` for the record's key.
 */
export type Field<T> =
  | (unknown extends T ? string : T extends object ? Extract<keyof T, string> : never)
  | '$key'
  | '_key'
  | `${string}.${string}`
  | readonly string[];

/** What stands at a place, as far as the map's type tells. */
export type FieldValue<T, F> = F extends keyof T ? T[F] : F extends '$key' | '_key' ? string : unknown;

/** A place, resolved: the record's key, or the steps into its value. */
export type Path = 'key' | readonly string[];

const STEPS_MAX = 16;

export function pathOf(field: string | readonly string[]): Path {
  if (field === '$key' || field === '_key') return 'key';
  const steps = typeof field === 'string' ? field.split('.') : field;
  const isValid =
    steps.length <= STEPS_MAX && steps.every((step) => typeof step === 'string' && step !== '');
  if (isValid) return steps;
  throw new TopGunError(ErrorCode.InvalidArgument, `not a field: ${JSON.stringify(field)}`);
}

/** What a row calls the place: the text that names it. */
export function nameOf(field: string | readonly string[]): string {
  if (typeof field !== 'string') return field.join('.');
  return field === '$key' ? '_key' : field;
}

/** The value at a place; `undefined` where the record has none. As the core reads it. */
export function readPath(path: Path, key: string, value: unknown): unknown {
  if (path === 'key') return key;
  let at: unknown = value;
  for (const step of path) {
    if (typeof at !== 'object' || at === null) return undefined;
    if (Array.isArray(at) && !/^(0|[1-9]\d*)$/.test(step)) return undefined;
    if (!Object.hasOwn(at, step)) return undefined;
    at = (at as Record<string, unknown>)[step];
  }
  return at;
}
