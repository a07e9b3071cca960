#pragma once

#include <initializer_list>
#include <vector>

#include "core/query/attribute.hpp"

namespace topgun::query {

/// What a predicate asks. The numbers are sent and stored. `docs/queries.md` tells what each means
/// for missing attributes, nil, NaN and values of other types.
enum class PredicateKind : uint8_t {
  True = 0,
  False = 1,
  And = 2,  ///< All of the children; true without any.
  Or = 3,   ///< One of the children at least; false without any.
  Not = 4,  ///< Not the one child.

  In = 16,           ///< Equal to one of the operands. `=` is this with one, `!=` its negation.
  Range = 17,        ///< Within `bounds`, among the values comparable with its ends.
  IsMissing = 18,    ///< The record has no such attribute. (Nil or missing is `In [nil]`.)
  Like = 19,         ///< Text that matches a pattern of `%` and `_`.
  LikeAnyCase = 20,  ///< Likewise; ASCII letters match in either case.
  Prefix = 21,       ///< Text that begins with the operand.
  Suffix = 22,       ///< Text that ends with the operand.
  ContainsAny = 23,  ///< An array with one of the operands as element, or text with one inside it.
  ContainsAll = 24,  ///< An array with each of the operands, or text with each inside it.
};

/// Ends of a range. A bound is an encoded value; an empty one leaves that side open. Only values
/// comparable with the bound match, and if the two are not comparable, none.
struct Bounds {
  Bytes low;
  Bytes high;
  bool low_inclusive = true;
  bool high_inclusive = true;

  friend bool operator==(const Bounds&, const Bounds&) = default;
};

/// A condition on a record, true or false of each (there is no third answer). A tree of plain data;
/// `Matcher` evaluates it.
struct Predicate {
  PredicateKind kind = PredicateKind::True;
  Attribute attribute;
  Bounds bounds;                ///< For `Range`.
  std::vector<Bytes> operands;  ///< Encoded values, for the other tests.
  std::vector<Predicate> children;

  friend bool operator==(const Predicate&, const Predicate&) = default;
};

inline constexpr uint8_t kPredicateVersion = 1;
inline constexpr uint32_t kPredicateDepthMax = 32;
inline constexpr size_t kPredicateNodesMax = 1024;
inline constexpr size_t kPredicateOperandsMax = 65'536;  ///< In all nodes together.
inline constexpr size_t kPredicateBytesMax = size_t{1} << 20;
/// Patterns, prefixes, suffixes and texts to be contained: bounds the time that one row can take.
inline constexpr size_t kPatternBytesMax = 1024;

// --- making predicates; operands are encoded, valid values ---

Predicate equal_to(Attribute attribute, ByteView operand);
Predicate not_equal_to(Attribute attribute, ByteView operand);
Predicate is_in(Attribute attribute, std::vector<Bytes> operands);
Predicate less_than(Attribute attribute, ByteView operand);
Predicate at_most(Attribute attribute, ByteView operand);
Predicate greater_than(Attribute attribute, ByteView operand);
Predicate at_least(Attribute attribute, ByteView operand);
/// Both ends included.
Predicate between(Attribute attribute, ByteView low, ByteView high);
/// Nil or missing.
Predicate is_nil(Attribute attribute);
Predicate is_missing(Attribute attribute);
/// A test of text or containment: `kind` with its operands.
Predicate test(PredicateKind kind, Attribute attribute, std::vector<Bytes> operands);
Predicate all_of(std::vector<Predicate> children);
Predicate any_of(std::vector<Predicate> children);
Predicate negation(Predicate child);

/// The sides whose attributes it asks about: bit `i` for side `i`.
uint32_t sides_of(const Predicate& predicate);

// --- as bytes ---

/// A predicate as it travels:
///
///   predicate = version u8 (1), node
///   node      = kind u8, then
///               And, Or:    count varint, nodes        Not: node       True, False: nothing
///               Range:      attribute, flags u8, [low blob], [high blob]
///               IsMissing:  attribute
///               others:     attribute, count varint, blobs
///   flags     = 1 low is there, 2 low inclusive, 4 high is there, 8 high inclusive
///   attribute = source u8 (0 value, 1 key), for 0: count varint, steps as blobs
///
/// Blobs are a varint length and that many bytes; operands are encoded values.
void write_predicate(ByteWriter& out, const Predicate& predicate);
Bytes encode_predicate(const Predicate& predicate);

/// Reads and checks a predicate: version, limits, operands valid and as many as the kind takes,
/// patterns text. On bad input the reader fails with `UnsupportedVersion`, `TooLarge`, `TooDeep`,
/// `Truncated`, `InvalidUtf8` or `Malformed`.
Predicate read_predicate(ByteReader& in);

/// The same for bytes that are one predicate and nothing else; attributes of other sides are
/// `Malformed` here.
Result<Predicate> decode_predicate(ByteView bytes);

}  // namespace topgun::query
