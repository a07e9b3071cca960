#pragma once

#include "core/query/exact_sum.hpp"
#include "core/query/query.hpp"
#include "core/query/row_table.hpp"

namespace topgun::query {

/// What one aggregate knows of the rows of a group. The same state serves a query that looks at all
/// rows once and a live one whose rows come and go: sums retract exactly. Only least and greatest
/// values need more to take a row out again, and keep it elsewhere.
struct AggregateState {
  uint64_t count = 0;  ///< Rows, values or numbers, as the kind counts.
  ExactSum sum;
  Bytes extreme;  ///< The least or greatest ordered key so far; empty without any.
};

/// Adds the row's value; nothing if it is missing.
void add_value(AggregateState& state, AggregateKind kind, const std::optional<ValueView>& value);
/// Takes a value out again. Not for `Min` and `Max`.
void remove_value(AggregateState& state, AggregateKind kind, const std::optional<ValueView>& value);

/// Appends the aggregate as a value.
void write_aggregate(Bytes& out, const AggregateState& state, AggregateKind kind);

/// The group of a row: ordered keys of its values, behind each other.
class GroupReader {
 public:
  static Result<GroupReader> make(const Query& query, AttributeTable& attributes);

  void append_group_key(Bytes& out, const RowView& row);
  /// The value that aggregate `index` is about; nothing for `Count`. Valid until the next call.
  std::optional<ValueView> value(const RowView& row, size_t index);

  const std::vector<AttributeId>& group_by() const { return group_by_; }
  const std::vector<AttributeId>& aggregated() const { return aggregated_; }

 private:
  explicit GroupReader(const AttributeTable& attributes) : reader_(attributes) {}

  AttributeReader reader_;
  std::vector<AttributeId> group_by_;
  std::vector<AttributeId> aggregated_;
  std::vector<AggregateKind> kinds_;
};

/// A group as it is given back: an array of its values and then its aggregates. With
/// `partial_groups` what `combine_groups` takes instead: key blob, then of each aggregate the count
/// varint, the sum and the extreme blob.
Bytes encode_group(ByteView group_key, const Query& query, std::span<const AggregateState> states);

/// The key of a partial group. Borrows.
ByteView partial_group_key(ByteView partial);

/// What is known of one group here and there, put together: as if the rows had been in one place.
/// At least one part; all have the same key. `query` is the one they were made for, without
/// `partial_groups`.
Bytes combine_groups(const Query& query, std::span<const ByteView> partials);

}  // namespace topgun::query
