#pragma once

#include "core/query/ordered_key.hpp"
#include "core/query/predicate.hpp"

namespace topgun::query {

enum class AggregateKind : uint8_t {
  Count = 0,    ///< Rows of the group.
  CountOf = 1,  ///< Rows in which the attribute is neither nil nor missing.
  Sum = 2,      ///< Of the numbers and bigints; other values count for nothing. 0 without any.
  Average = 3,  ///< Sum, rounded, divided by how many there are; nil without any.
  Min = 4,  ///< The least value that is neither nil nor missing, of whatever type; nil without any.
  Max = 5,
};

struct Aggregate {
  AggregateKind kind = AggregateKind::Count;
  Attribute attribute;  ///< Not for `Count`.

  friend bool operator==(const Aggregate&, const Aggregate&) = default;
};

struct OrderPart {
  Attribute attribute;
  Direction direction = Direction::Ascending;

  friend bool operator==(const OrderPart&, const OrderPart&) = default;
};

/// Wishes for how a query is to be answered. One that cannot be followed is an error, not ignored.
struct Hints {
  std::string use_index;              ///< Find the rows by this index.
  std::string order_index;            ///< Walk this index for the order.
  std::vector<std::string> no_index;  ///< As if these were not there.
  bool force_scan = false;            ///< Look at every row.
  bool no_share = false;              ///< A graph of its own for a live query.

  friend bool operator==(const Hints&, const Hints&) = default;
};

/// What a join makes of the rows in front of it.
enum class JoinKind : uint8_t {
  Inner = 0,  ///< Pairs each with the records that match; those without a match go.
  Left = 1,   ///< Likewise, but what has no match stays, without a record on this side.
  Semi = 2,   ///< Leaves those that have a match, each once.
  Anti = 3,   ///< Leaves those that have none.
};

/// Equal values pair. Nil and missing are equal to nothing here, not even to each other: what has
/// no customer has no customer in common.
struct JoinPair {
  Attribute left;   ///< Of an earlier side, which must not be `Semi` or `Anti`.
  Attribute right;  ///< Of the joined map; its `side` stays 0.

  friend bool operator==(const JoinPair&, const JoinPair&) = default;
};

/// Another map that the query looks at. Its side is its place among the joins and one.
struct Join {
  JoinKind kind = JoinKind::Inner;
  std::string map;
  std::vector<JoinPair> on;  ///< All of them hold. At least one.
  /// Which records of the joined map are there to match; their attributes are of side 0 in it.
  Predicate where;

  friend bool operator==(const Join&, const Join&) = default;
};

/// A question to one map, or to several that are joined. Without `group_by` and `aggregates` the
/// answer is records (combinations of them if there are joins), else groups.
struct Query {
  std::vector<Join> joins;
  Predicate where;
  /// What sorts first comes first; where rows tie, the record's key decides, ascending. Records
  /// only; groups are ordered by their values.
  std::vector<OrderPart> order;
  uint64_t offset = 0;
  std::optional<uint64_t> limit;
  /// Go on behind the row that this cursor names; empty from the start. Records only, and not with
  /// an offset.
  Bytes after;
  /// The places in the value to be given back, as an array; the whole value if empty. Records only.
  std::vector<Attribute> select;
  /// One answer for each combination of values that these have; without aggregates, the distinct
  /// combinations.
  std::vector<Attribute> group_by;
  std::vector<Aggregate> aggregates;
  Hints hints;
  /// Groups are given as what one shard knows of them, for `combine_groups`. Does not travel with
  /// the query.
  bool partial_groups = false;

  /// The query's own map and those joined.
  size_t sides() const { return 1 + joins.size(); }
  /// Whether results have a record of this side.
  bool has_side(size_t side) const {
    return side == 0 || (side <= joins.size() && joins[side - 1].kind <= JoinKind::Left);
  }

  bool is_grouped() const { return !group_by.empty() || !aggregates.empty(); }

  friend bool operator==(const Query&, const Query&) = default;
};

inline constexpr uint8_t kQueryVersion = 1;
inline constexpr size_t kJoinsMax = kSidesMax - 1;
inline constexpr size_t kJoinPairsMax = 8;
inline constexpr size_t kOrderPartsMax = 8;
inline constexpr size_t kSelectMax = 256;
inline constexpr size_t kGroupPartsMax = 8;
inline constexpr size_t kAggregatesMax = 32;
inline constexpr size_t kHintIndexesMax = 16;
inline constexpr size_t kCursorBytesMax = size_t{1} << 16;

/// A query as it travels:
///
///   query = version u8 (1), sections varint, [section]..., predicate (with its version)
///
/// Each bit of `sections` is a section, in this order:
///
///     1 order       count varint, (attribute, direction u8)...    0 ascending, 1 descending
///     2 offset      varint
///     4 limit       varint
///     8 after       blob
///    16 select      count varint, attributes
///    32 group by    count varint, attributes
///    64 aggregates  count varint, (kind u8, [attribute])...
///   128 hints       flags u8 (1 force scan, 2 no share), use blob, order blob, count varint, blobs
///   256 joins       count varint, (kind u8, map blob, pairs, predicate)...
///                   pairs = count varint, (left attribute, right attribute)...
///
/// The predicates of joins have their version as well, and the limits of nodes and operands each.
Bytes encode_query(const Query& query);

/// Reads and checks a query; see `decode_predicate` for the errors. `Malformed` also for an order,
/// a cursor or a selection with groups, for a cursor with an offset, and for an attribute of a side
/// that there is not (`check_sides`).
Result<Query> decode_query(ByteView bytes);

/// Whether every attribute is of a side that it may be of: `InvalidArgument` if not, or for joins
/// beyond the limits or without a pair. What engines ask of a query that was made, not decoded.
Result<void> check_sides(const Query& query);

/// The record's key, if these bytes are the query for one record by its key and nothing else: the
/// lookup that needs no plan. Borrows. O(1).
std::optional<ByteView> point_lookup_key(ByteView query);

}  // namespace topgun::query
