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

// The errors of values as single constants, which a bundler puts in place; the numbers are those of
// every TopGun error.
export const TRUNCATED = 100;
export const MALFORMED = 101;
export const TOO_DEEP = 102;
export const TOO_LARGE = 103;
export const INVALID_UTF8 = 104;
export const INVALID_ARGUMENT = 108;

/** Why bytes or a JavaScript value were refused. */
export const ValueErrorCode = {
  Truncated: TRUNCATED,
  Malformed: MALFORMED,
  TooDeep: TOO_DEEP,
  TooLarge: TOO_LARGE,
  InvalidUtf8: INVALID_UTF8,
  InvalidArgument: INVALID_ARGUMENT,
} as const;
export type ValueErrorCode = (typeof ValueErrorCode)[keyof typeof ValueErrorCode];

/** Integers up to this are numbers; beyond, neighbouring integers share a double. */
export const NUMBER_INTEGER_MAX = 2 ** 53;
export const TWO_32 = 2 ** 32;

/** Where the bytes of 64-bit numbers are put together and taken apart. */
export const scratchBytes = new Uint8Array(8);
export const scratch = new DataView(scratchBytes.buffer);

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
