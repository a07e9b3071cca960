/**
 * The values a map can hold, as JavaScript sees them. `docs/protocol-values.md` defines how each is
 * stored.
 */
export type Value =
  | null
  | boolean
  | number
  | bigint
  | string
  | Date
  | Uint8Array
  | Extension
  | Value[]
  | { [key: string]: Value };

/** Containers around the innermost value. */
export const VALUE_DEPTH_MAX = 32;
/** Bytes of one encoded value. */
export const VALUE_BYTES_MAX = 1 << 20;
/** Bytes of a bigint's magnitude. */
export const BIGINT_BYTES_MAX = 1024;

/** A MessagePack extension that this version gives no meaning; kept so that it survives a rewrite. */
export class Extension {
  constructor(
    readonly type: number,
    readonly data: Uint8Array,
  ) {}
}

/** Why bytes or a JavaScript value were refused; the numbers are those of every TopGun error. */
export const ValueErrorCode = {
  Truncated: 100,
  Malformed: 101,
  TooDeep: 102,
  TooLarge: 103,
  InvalidUtf8: 104,
  InvalidArgument: 108,
} as const;
export type ValueErrorCode = (typeof ValueErrorCode)[keyof typeof ValueErrorCode];

/** A value that cannot be stored, or bytes that are no value. */
export class ValueError extends Error {
  override readonly name = 'ValueError';
  constructor(
    /** The stable number of the error. */
    readonly code: ValueErrorCode,
    message: string,
    /** Where in the value, e.g. `todo.tags[2]`; empty for the value itself and when decoding. */
    readonly path = '',
  ) {
    super(path ? `${message} at ${path}` : message);
  }
}
