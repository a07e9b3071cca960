#pragma once

#include <array>
#include <span>

#include "core/query/aggregation.hpp"
#include "core/query/collection.hpp"

namespace topgun::query::internal {

/// The groups of a query while its rows come in. Where columns know the group and the numbers, a
/// row costs a few array reads; else its attributes are read and its group is looked up.
class GroupTable {
 public:
  /// Whether columns may be made, which a query over all rows pays for, or used where there are
  /// any.
  enum class Columns : uint8_t { Make, Find };

  /// Borrows query and collection.
  static Result<GroupTable> make(const Query& query, Collection& collection, Columns columns);

  /// For combinations, which have no columns.
  static Result<GroupTable> make(const Query& query, AttributeTable& attributes);

  /// Rows are gathered and added a block at a time, one aggregate after the other.
  void add(RowId row) {
    block_[block_rows_++] = row;
    if (block_rows_ == kBlockRows) add_block();
  }
  /// A row that is not of the collection.
  void add(const RowView& row);
  /// For a query that only counts: so many rows at once.
  void count_rows(uint64_t rows);

  /// The groups as arrays, in the order of their values. To be called once.
  std::vector<Bytes> take();

 private:
  GroupTable(const Query& query, GroupReader reader);

  /// What columns have given to a state so far: small whole numbers, of which no number of rows
  /// makes a sum that is not exact. In one place for all groups, which a processor's cache can
  /// hold.
  struct Partial {
    int64_t whole = 0;
    uint64_t numbers = 0;
  };

  static constexpr size_t kBlockRows = 256;

  void add_block();
  void add_numbers(size_t aggregate, const Column& column, std::span<const size_t> firsts);
  void settle_partials();
  void choose_columns(Collection& collection, Columns columns);
  size_t group_of(RowId row);
  size_t group_with(ByteView key);

  const Query* query_;
  const Collection* collection_ = nullptr;
  GroupReader reader_;
  std::unique_ptr<KeyDictionary> groups_;  ///< Groups by their key; codes are their numbers.
  std::vector<AggregateState> states_;     ///< For each group one an aggregate.
  std::vector<Partial> partials_;          ///< Likewise; parts of the states.
  const Column* group_column_ = nullptr;
  std::vector<const Column*> number_columns_;  ///< By aggregate; null where there is none.
  std::vector<uint32_t> group_by_code_;        ///< Group and one, by code; 0 is not yet known.
  std::array<RowId, kBlockRows> block_ = {};
  size_t block_rows_ = 0;
  Bytes key_;
};

}  // namespace topgun::query::internal
