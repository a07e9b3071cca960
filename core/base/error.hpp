#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace topgun {

/// Every way in which an operation can be refused or fail, as one closed list. The numbers are
/// stable: they travel unchanged in protocol messages and appear as `code` in TypeScript. A number
/// is never reused; new ones are added at the end of their group.
enum class Error : uint16_t {
  // 1xx: the bytes cannot be understood.
  Truncated = 100,           ///< The input ends before the value it announces.
  Malformed = 101,           ///< The input breaks the format.
  TooDeep = 102,             ///< Nesting exceeds the stated limit.
  TooLarge = 103,            ///< A length or count exceeds the stated limit.
  InvalidUtf8 = 104,         ///< Text that must be UTF-8 is not.
  UnsupportedVersion = 105,  ///< A format or protocol version this build does not speak.
  UnknownMessage = 106,      ///< A message kind this build does not know.
  ChecksumMismatch = 107,    ///< Stored or sent bytes do not match their checksum.
  InvalidArgument = 108,     ///< An argument of an API call lies outside its stated range.
  HintImpossible = 109,      ///< A hint of a query names an index that cannot be used for it.

  // 2xx: understood, but not allowed.
  Unauthenticated = 200,  ///< A token is needed and none was given.
  TokenInvalid = 201,     ///< The token's signature, algorithm, issuer or audience is wrong.
  TokenExpired = 202,     ///< The token's time has passed.
  Forbidden = 203,        ///< The caller's role may not do this to this map.
  RateLimited = 204,      ///< Too many operations in too short a time; try later.
  LimitExceeded = 205,    ///< A named limit (maps, subscriptions, queue) is reached.

  // 3xx: understood and allowed, but at odds with time, identity or type.
  ClockDrift = 300,     ///< A stamp lies further ahead of our clock than the drift bound.
  BehindHorizon = 301,  ///< A stamp or cursor is older than the tombstone horizon: resync.
  ReplicaCloned = 302,  ///< Another copy of this replica's storage goes on under its id.
  TypeMismatch = 303,   ///< The map exists as another kind of map.
  CursorUnknown = 304,  ///< The cursor belongs to another incarnation or is too old: repair.
  TakenOver = 305,      ///< A newer connection of the same replica took this one's place.

  // 4xx: not now.
  Closed = 400,      ///< The object was closed.
  NotReady = 401,    ///< Not started, not loaded or not connected yet.
  Overloaded = 402,  ///< Queues are full; try later.
  Draining = 403,    ///< The node is shutting down; reconnect elsewhere.
  TimedOut = 404,    ///< No answer within the stated time.

  // 5xx: storage.
  StorageIo = 500,       ///< The device or the store answered with an error.
  StorageFull = 501,     ///< No space or quota left; reads go on, writes are refused.
  StorageCorrupt = 502,  ///< Stored bytes are damaged; nothing was cut off.
  StorageWiped = 503,    ///< The store was emptied by someone else.
  ReadOnly = 504,        ///< The node accepts no writes at the moment.

  // 9xx: we are at fault.
  Internal = 900,     ///< A broken promise of our own.
  OutOfMemory = 901,  ///< An allocation was refused; state is as before the call.
  EngineTrap = 902,   ///< The WASM instance trapped and was replaced.
};

/// The stable spelling of an error in logs, metrics and documentation, e.g. `clock-drift`.
std::string_view error_name(Error error);

/// The error with this number, or nothing if this build does not know the number.
std::optional<Error> error_from_code(uint16_t code);

}  // namespace topgun
