#pragma once

#include "core/query/aggregation.hpp"
#include "core/query/planner.hpp"

namespace topgun::query {

/// What a query found.
struct Answer {
  /// Records in order. Borrow their keys and values from the collection's rows.
  std::vector<RowId> rows;
  /// How many of them belong together, one for each side of the query; `kNoRow` where a side has
  /// none. 1 without joins.
  size_t width = 1;
  /// Or groups: arrays of their values and aggregates, in the order of the values.
  std::vector<Bytes> groups;
  /// For going on behind the last row, if the limit cut the answer off and there is an order to go
  /// on in; else empty.
  Bytes cursor;
  /// Rows looked at, and rows for which the condition held.
  uint64_t rows_visited = 0;
  uint64_t rows_matched = 0;
};

/// Answers a query as its plan says. The predicate must be in the normal form that the plan was
/// made of, and nothing may have been written in between. May make columns of attributes that
/// scans read often.
Result<Answer> execute(const Plan& plan, const Query& query, Collection& collection);

/// Plans and executes: a query as it came.
Result<Answer> answer(const Query& query, Collection& collection);

/// Leaves the groups that offset and limit want.
void keep_page(std::vector<Bytes>& groups, const Query& query);

/// A record as the query wants it: the value, or an array of the selected places. Of a
/// combination the array of its records' values, nil for one that is absent, or the selection.
Bytes select_value(const Query& query, const RowView& row);

}  // namespace topgun::query
