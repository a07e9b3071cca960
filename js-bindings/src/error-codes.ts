// Written by scripts/generate-errors.mjs from core/base/error.hpp; change it there.

/**
 * Every way in which an operation can be refused or fail. The numbers are stable and the same in
 * C++, on the wire and in {@link TopGunError.code}.
 */
export const ErrorCode = {
  /** The input ends before the value it announces. */
  Truncated: 100,
  /** The input breaks the format. */
  Malformed: 101,
  /** Nesting exceeds the stated limit. */
  TooDeep: 102,
  /** A length or count exceeds the stated limit. */
  TooLarge: 103,
  /** Text that must be UTF-8 is not. */
  InvalidUtf8: 104,
  /** A format or protocol version this build does not speak. */
  UnsupportedVersion: 105,
  /** A message kind this build does not know. */
  UnknownMessage: 106,
  /** Stored or sent bytes do not match their checksum. */
  ChecksumMismatch: 107,
  /** An argument of an API call lies outside its stated range. */
  InvalidArgument: 108,
  /** A hint of a query names an index that cannot be used for it. */
  HintImpossible: 109,
  /** A token is needed and none was given. */
  Unauthenticated: 200,
  /** The token's signature, algorithm, issuer or audience is wrong. */
  TokenInvalid: 201,
  /** The token's time has passed. */
  TokenExpired: 202,
  /** The caller's role may not do this to this map. */
  Forbidden: 203,
  /** Too many operations in too short a time; try later. */
  RateLimited: 204,
  /** A named limit (maps, subscriptions, queue) is reached. */
  LimitExceeded: 205,
  /** A stamp lies further ahead of our clock than the drift bound. */
  ClockDrift: 300,
  /** A stamp or cursor is older than the tombstone horizon: resync. */
  BehindHorizon: 301,
  /** Another copy of this replica's storage goes on under its id. */
  ReplicaCloned: 302,
  /** The map exists as another kind of map. */
  TypeMismatch: 303,
  /** The cursor belongs to another incarnation or is too old: repair. */
  CursorUnknown: 304,
  /** A newer connection of the same replica took this one's place. */
  TakenOver: 305,
  /** The object was closed. */
  Closed: 400,
  /** Not started, not loaded or not connected yet. */
  NotReady: 401,
  /** Queues are full; try later. */
  Overloaded: 402,
  /** The node is shutting down; reconnect elsewhere. */
  Draining: 403,
  /** No answer within the stated time. */
  TimedOut: 404,
  /** The device or the store answered with an error. */
  StorageIo: 500,
  /** No space or quota left; reads go on, writes are refused. */
  StorageFull: 501,
  /** Stored bytes are damaged; nothing was cut off. */
  StorageCorrupt: 502,
  /** The store was emptied by someone else. */
  StorageWiped: 503,
  /** The node accepts no writes at the moment. */
  ReadOnly: 504,
  /** A broken promise of our own. */
  Internal: 900,
  /** An allocation was refused; state is as before the call. */
  OutOfMemory: 901,
  /** The WASM instance trapped and was replaced. */
  EngineTrap: 902,
} as const;

/** One of the numbers of {@link ErrorCode}. */
export type ErrorCode = (typeof ErrorCode)[keyof typeof ErrorCode];

/** The stable spelling of each code in logs and documentation: TooLarge is too-large. */
export const errorNames: Readonly<Record<ErrorCode, string>> = /* @__PURE__ */ Object.fromEntries(
  /* @__PURE__ */ Object.entries(ErrorCode).map(([name, code]) => [
    code,
    name.replace(/\B(?=[A-Z0-9])/g, '-').toLowerCase(),
  ]),
) as Record<ErrorCode, string>;
