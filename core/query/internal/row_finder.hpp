#pragma once

#include "core/base/probe.hpp"
#include "core/query/column_filter.hpp"
#include "core/query/planner.hpp"

namespace topgun::query::internal {

/// Finds the rows of a plan, one way or the other, and counts what it looked at.
class RowFinder {
 public:
  RowFinder(const Plan& plan, Collection& collection, Matcher residual)
      : plan_(plan), collection_(collection), residual_(std::move(residual)) {}

  /// Calls `visit(RowId)` for each row of the answer until it returns false: in the order asked
  /// for if the plan is a walk, else in the order of row numbers.
  template <typename Visit>
  void for_each_while(Visit&& visit) {
    switch (plan_.access) {
      case Access::Nothing:
        return;
      case Access::Keys:
        for (const Bytes& key : plan_.keys) {
          const auto row = collection_.find(key);
          if (row && !offer(*row, visit)) return;
        }
        return;
      case Access::Scan:
        return scan(visit);
      case Access::Sets:
        return rows_of_sets().for_each_while([&](RowId row) { return offer(row, visit); });
      case Access::Walk:
        TG_SOMETIMES(collection_.rows().size() > 1, QueryWalks);
        return plan_.backwards ? walk_backwards(visit) : walk(visit);
    }
  }

  /// How many rows there are, from indexes or columns alone; nothing if records have to be looked
  /// at.
  std::optional<uint64_t> count();

  /// Where a forward walk begins, for an answer behind a cursor or an offset.
  Bytes after;
  uint64_t skip = 0;

  uint64_t visited() const { return visited_; }
  uint64_t matched() const { return matched_; }

 private:
  std::optional<uint64_t> count_columns();
  RowSet rows_of_sets() const;
  Bytes walk_begin() const;

  template <typename Visit>
  bool offer(RowId row, Visit&& visit) {
    ++visited_;
    if (!residual_.is_always_true() && !residual_.matches(collection_.rows().view(row)))
      return true;
    ++matched_;
    return visit(row);
  }

  template <typename Visit>
  void scan(Visit&& visit) {
    if (residual_.is_always_true()) {
      collection_.all().for_each_while([&](RowId row) {
        ++matched_;
        return visit(row);
      });
      visited_ = matched_;
      return;
    }
    auto filter = ColumnFilter::make(plan_.residual, collection_);
    if (!filter) {
      return collection_.all().for_each_while([&](RowId row) { return offer(row, visit); });
    }
    const RowId end = collection_.rows().row_end();
    for (RowId first = 0; first < end; first += ColumnFilter::kBlockRows) {
      uint64_t words[ColumnFilter::kBlockWords];
      filter->filter(first, words);
      visited_ += ColumnFilter::kBlockRows;
      if (!visit_words(first, words, visit)) return;
    }
  }

  template <typename Visit>
  bool visit_words(RowId first, std::span<const uint64_t> words, Visit&& visit) {
    for (size_t at = 0; at < words.size(); ++at) {
      for (uint64_t word = words[at]; word != 0; word &= word - 1) {
        ++matched_;
        const auto bit = static_cast<RowId>(__builtin_ctzll(word));
        if (!visit(first + static_cast<RowId>(64 * at) + bit)) return false;
      }
    }
    return true;
  }

  template <typename Visit>
  void walk(Visit&& visit) {
    const CountedTree& tree = plan_.walk->as_ordered()->tree();
    const Bytes begin = walk_begin();
    // The plan has counted the range.
    const size_t rows =
        after.empty() ? plan_.found_rows : tree.count_between(begin, plan_.walk_range.end);
    if (skip >= rows) return;
    CountedTree::Cursor at =
        skip > 0 ? tree.at_rank(tree.rank(begin) + static_cast<size_t>(skip)) : tree.seek(begin);
    for (size_t left = rows - static_cast<size_t>(skip); left > 0; --left, at.next()) {
      if (!offer(at.row(), visit)) return;
    }
  }

  /// Backwards over the parts, but forwards over the rows that tie in them: those are ordered by
  /// their key in either direction.
  template <typename Visit>
  void walk_backwards(Visit&& visit) {
    const CountedTree& tree = plan_.walk->as_ordered()->tree();
    const KeyRange& range = plan_.walk_range;
    CountedTree::Cursor at = range.end.empty() ? tree.end() : tree.seek(range.end);
    while (!at.at_begin()) {
      at.previous();
      if (compare_bytes(at.key(), range.begin) < 0) return;
      const size_t key_bytes = collection_.rows().view(at.row()).key.size();
      const Bytes parts = to_bytes(at.key().first(at.key().size() - key_bytes));
      const CountedTree::Cursor group = tree.seek(parts);
      for (CountedTree::Cursor tie = group; !tie.at_end(); tie.next()) {
        const ByteView key = tie.key();
        if (key.size() < parts.size() || !equal_bytes(key.first(parts.size()), parts)) break;
        if (!offer(tie.row(), visit)) return;
      }
      at = group;
    }
  }

  const Plan& plan_;
  Collection& collection_;
  Matcher residual_;
  uint64_t visited_ = 0;
  uint64_t matched_ = 0;
};

}  // namespace topgun::query::internal
