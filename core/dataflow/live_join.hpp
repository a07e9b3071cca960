#pragma once

#include "core/dataflow/live_graphs.hpp"
#include "core/query/joined_rows.hpp"
#include "core/query/key_dictionary.hpp"

namespace topgun::dataflow {

/// The combinations of one set of joins, kept in step with writes to any of the maps, and the live
/// queries over them. All queries with the same joins share it, whatever else they ask.
///
/// Knows which rows belong together and nothing more: records stay in their maps, and what goes
/// with a changed record is found through the other maps' own indexes. A write is followed one by
/// one: the combinations that the record decides on as the maps were, and as they are. So with
/// writes on several sides in one batch each one meets the others as they are by then, which is
/// the sum of all terms of the product rule (dA*B + A'*dB) and leaves none out.
///
/// Memory: about 50 bytes a combination. Cost of a write: the combinations that it changes, each as
/// much as a row costs the graphs and a probe a side. On a side that is not free (left, semi, anti)
/// it is all combinations with the rows that the record refers to.
class LiveJoin final : public RowSource {
 public:
  /// Looks at all combinations once. The joins have passed `check_sides`, and the indexes that
  /// `Joiner::missing_indexes` tells are there and ready. Borrows the collections. `LimitExceeded`
  /// from `combinations_max` on.
  static Result<std::unique_ptr<LiveJoin>> make(
      const std::vector<query::Join>& joins, const std::vector<query::Collection*>& sides,
      uint64_t combinations_max = query::kCombinationsMax);

  LiveGraphs& graphs() { return graphs_; }
  const LiveGraphs& graphs() const { return graphs_; }

  /// A record of this collection is about to be written. To be followed by `change` once it is.
  void prepare(const query::Collection& collection, const query::Write& write);
  void change(const query::Collection& collection, query::RowId row, const query::Write& write);
  /// Numbers of combinations that went may be used again.
  void release();

  /// The combination with this number, as one row. Valid until the next call but one.
  query::RowView view(query::RowId number);
  /// As `view`, without the key, which takes longest to make.
  query::RowView records(query::RowId number);
  bool contains(query::RowId number) const { return numbers_.contains(number); }
  size_t size() const { return numbers_.size(); }

  /// Whether an index is one that writes are followed through.
  bool uses(const query::Index& index) const;
  size_t memory_bytes() const;

  query::AttributeTable& attributes() override { return joined_.attributes(); }
  void feed(Graph& graph) override;

 private:
  LiveJoin(const std::vector<query::Join>& joins, const std::vector<query::Collection*>& sides,
           query::Joiner joiner)
      : joiner_(std::move(joiner)), joined_(joins, sides) {}

  Result<void> fill(uint64_t combinations_max);
  query::Combination combination(query::RowId number) const;
  ByteView key_of(const query::Combination& rows) const;
  query::RowId number_of(const query::Combination& rows) const;
  void find_starts(const query::Collection& collection, const query::Write& write);
  /// All combinations that the record may decide on, as the maps are now; sorted, each once.
  void find_combinations(const query::Collection& collection, std::optional<query::RowId> row,
                         std::vector<query::Combination>& found);
  bool has_row(const query::Combination& rows, const query::Collection& collection,
               query::RowId row) const;
  void tell(const query::Combination* before, const query::Combination* after,
            const query::PastRow& past);

  query::Joiner joiner_;
  query::JoinedRows joined_;
  LiveGraphs graphs_;
  std::vector<query::JoinRoute> routes_;  ///< By the free side that they begin with.
  query::KeyDictionary numbers_;          ///< From the rows' numbers to the combination's.
  std::vector<query::RowId> gone_;
  std::vector<query::Combination> before_;  ///< Between `prepare` and `change`.
  std::vector<query::Combination> after_;
  bool has_same_links_ = false;  ///< Whether the write can change no combination's being there.
  struct Start {
    query::Joiner::Start at;
    uint8_t side = 0;  ///< The side that the changed record is on.
  };
  std::vector<Start> starts_;
};

}  // namespace topgun::dataflow
