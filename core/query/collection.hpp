#pragma once

#include "core/query/column.hpp"
#include "core/query/index.hpp"

namespace topgun::query {

/// A write to the record of a map that a `Collection` follows. Deletion, expiry and the arrival of
/// what others wrote all look like this; what a merge did not change is not told.
struct Write {
  /// The row that the record had, from `find` before the record was written.
  std::optional<RowId> row;
  /// Borrowed until the row's next write if there is a new value.
  ByteView key;
  /// The old value, wherever it is now: needed for as long as the call.
  std::optional<ByteView> before;
  /// The new value, borrowed until the row's next write; must be valid.
  std::optional<ByteView> after;
};

/// The rows of one map with their indexes and columns, kept in step with every write: what queries
/// are answered from. Not a copy of the map: the records stay where they are.
class Collection {
 public:
  static constexpr size_t kIndexesMax = 64;

  /// Declares an index and begins to build it; until it is ready, plans go without it.
  /// `InvalidArgument` for a definition against its rules or a name in use, `LimitExceeded`.
  Result<void> add_index(const IndexDefinition& definition);
  /// False if there is no such index.
  bool drop_index(std::string_view name);

  /// Works on indexes that are not ready, over `rows_max` rows at most. True if there is more to
  /// do. Writes may come between the steps.
  bool build_step(size_t rows_max);
  bool is_ready(const Index& index) const;

  /// All indexes, ready or not, in the order of their declaration.
  const std::vector<std::unique_ptr<Index>>& indexes() const { return indexes_; }
  const Index* find_index(std::string_view name) const;

  std::optional<RowId> find(ByteView key) const { return rows_.find(key); }

  /// Makes room for so many rows at once.
  void reserve(size_t rows) { rows_.reserve(rows); }

  /// Takes one write; returns the row it was about. To be called right after the record was
  /// written. O(indexes + columns), each O(log rows) at most.
  RowId apply(const Write& write);
  /// Ends a batch: numbers of rows that went in it may be used again.
  void end_batch() { rows_.release_erased(); }

  const RowTable& rows() const { return rows_; }
  const RowSet& all() const { return all_; }
  /// For making matchers, which may bring new attributes.
  AttributeTable& attributes() { return rows_.attributes(); }
  ColumnSet& columns() { return columns_; }
  const ColumnSet& columns() const { return columns_; }

  size_t memory_bytes() const;

 private:
  struct Build {
    const Index* index;
    RowId next;  ///< Rows below are in the index.
  };

  bool holds(const Index& index, RowId row) const;
  template <typename Tell>
  void tell(RowId row, Tell&& tell);

  RowTable rows_;
  RowSet all_;
  std::vector<std::unique_ptr<Index>> indexes_;
  std::vector<Build> builds_;
  ColumnSet columns_;
};

}  // namespace topgun::query
