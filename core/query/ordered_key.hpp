#pragma once

#include <optional>

#include "core/value/value.hpp"

namespace topgun::query {

/// Ordered keys: byte strings whose byte-wise order is the order of the values they stand for
/// ("memcomparable"; after the key encodings of FoundationDB's tuple layer and of Orderly). One
/// encoding serves ordered indexes, sorting, cursors and groups, so that they cannot disagree.
///
/// A key is a sequence of *parts*, one a value. No part is a proper prefix of another one, so parts
/// are simply put behind each other: comparing `(a, b)` as bytes compares `a` first, then `b`.
///
///   missing    08                       an attribute that the record does not have; below nil
///   nil        10
///   false/true 18 / 19
///   number     28 <8 bytes> <tie>       bits of the double, made to ascend; then what a bigint is
///                                       beyond that double (ordered_key.cpp)
///   text       40 <bytes> 00            00 is written 01 01, and 01 is written 01 02
///   binary     48 <bytes> 00            likewise
///   date       50 <6 bytes> <4 bytes>   seconds, made positive, and nanoseconds
///   array      58 <part>... 00
///   map        60 (<text> <part>)... 00 by ascending key
///   extension  68 <type> <bytes> 00     the type made positive
///
/// A *descending* part has every bit flipped. Big-endian throughout.

/// What has one key.
enum class KeyForm : uint8_t {
  /// Only what is equal for `compare_values`: -0 < 0 < 0n, 1 < 1n, and missing below nil. Lossless.
  Exact,
  /// What queries take for equal: numbers of equal value have the key of the number, so that
  /// -0 = 0 = 0n and 1 = 1n, and missing has that of nil.
  Query,
};

enum class Direction : uint8_t { Ascending, Descending };

/// Appends the part of `value`, or of a missing one; `value` must have been validated. O(size).
void append_ordered_key(Bytes& out, const std::optional<ValueView>& value,
                        KeyForm form = KeyForm::Query, Direction direction = Direction::Ascending);

/// The same for a record's key as the value that `$key` is (`write_key`).
void append_ordered_record_key(Bytes& out, ByteView key);

/// Appends what the parts of all texts that begin with `prefix` begin with, and no others. Not a
/// whole part: only for bounds.
void append_ordered_text_prefix(Bytes& out, std::string_view prefix,
                                Direction direction = Direction::Ascending);

/// The least byte string above all that begin with `bytes`: the exclusive end of a range of
/// prefixes. Nothing if there is no such string, which no part gives rise to. O(size).
std::optional<Bytes> prefix_end(ByteView bytes);

/// A part read back.
struct OrderedPart {
  size_t key_bytes = 0;  ///< Size of the part in the key.
  bool missing = false;
  Bytes value;  ///< The value in canonical encoding; nil if missing.
};

/// Reads the part at the start of `key`. Gives back the value itself if it was written with
/// `KeyForm::Exact`, and one with the same key in any case.
/// `Truncated`, `Malformed`, `TooDeep` or `InvalidUtf8` if `key` does not begin with a part.
/// O(size).
Result<OrderedPart> read_ordered_part(ByteView key, Direction direction = Direction::Ascending);

/// Where the values lie that a range predicate compares with `operand`, as bytes of ascending
/// parts: `begin` inclusive, `end` exclusive. Both bools for a bool; for a number, numbers and
/// bigints without NaN; for everything else its type; for nil, nil and missing.
struct TypeRange {
  Bytes begin;
  Bytes end;
};
TypeRange comparable_range(ValueView operand);

}  // namespace topgun::query
