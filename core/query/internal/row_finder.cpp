#include "core/query/internal/row_finder.hpp"

#include <bit>

#include "core/base/probe.hpp"

namespace topgun::query::internal {

std::optional<uint64_t> RowFinder::count() {
  if (!residual_.is_always_true()) {
    return plan_.access == Access::Scan ? count_columns() : std::nullopt;
  }
  switch (plan_.access) {
    case Access::Nothing:
      return 0;
    case Access::Scan:
      return collection_.rows().size();
    case Access::Walk:
      return plan_.found_rows;
    case Access::Keys:
      return std::nullopt;
    case Access::Sets:
      break;
  }
  if (plan_.sets.size() == 1 && plan_.sets[0].counted) return plan_.sets[0].rows;
  if (plan_.sets.size() > 2) return rows_of_sets().size();
  const RowSet first = collect_rows(plan_.sets[0], collection_);
  if (plan_.sets.size() == 1) return first.size();
  return RowSet::intersection_size(first, collect_rows(plan_.sets[1], collection_));
}

std::optional<uint64_t> RowFinder::count_columns() {
  auto filter = ColumnFilter::make(plan_.residual, collection_);
  if (!filter) return std::nullopt;
  uint64_t count = 0;
  const RowId end = collection_.rows().row_end();
  for (RowId first = 0; first < end; first += ColumnFilter::kBlockRows) {
    uint64_t words[ColumnFilter::kBlockWords];
    filter->filter(first, words);
    for (const uint64_t word : words) count += static_cast<uint64_t>(std::popcount(word));
  }
  visited_ += collection_.rows().size();
  return count;
}

RowSet RowFinder::rows_of_sets() const {
  RowSet rows = collect_rows(plan_.sets[0], collection_);
  for (size_t i = 1; i < plan_.sets.size() && !rows.empty(); ++i) {
    rows = RowSet::intersection(rows, collect_rows(plan_.sets[i], collection_));
  }
  TG_SOMETIMES(plan_.sets.size() > 1 && !rows.empty(), QueryIntersects);
  if (TG_MUTANT(69) && plan_.sets.size() > 1 && rows.size() > 1) {
    RowId first = 0;
    rows.for_each_while([&](RowId row) {
      first = row;
      return false;
    });
    rows.remove(first);
  }
  return rows;
}

/// Where the range begins without what lies at or in front of the cursor.
Bytes RowFinder::walk_begin() const {
  const Bytes& first = plan_.walk_range.begin;
  if (after.empty()) return first;
  Bytes begin(first.begin(), first.begin() + static_cast<ptrdiff_t>(plan_.fixed_bytes));
  begin.insert(begin.end(), after.begin(), after.end());
  begin.push_back(0);  // The next string after the cursor's.
  return compare_bytes(begin, first) > 0 ? begin : first;
}

}  // namespace topgun::query::internal
