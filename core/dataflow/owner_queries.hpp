#pragma once

#include <map>
#include <set>

#include "core/dataflow/query_engine.hpp"
#include "core/node/owner.hpp"
#include "core/query/top_rows.hpp"

namespace topgun::dataflow {

/// What is wanted of a query; numbers of shard messages.
enum class Ask : uint8_t {
  Once = 0,
  Live = 1,
  Plan = 2,     ///< How it would be answered (`query::explain`).
  Analyze = 3,  ///< How it was.
};

/// What a shard answers of its part of the maps: queries run on its own records alone, and whoever
/// asked puts the parts of all shards together (`MergedRows`, `MergedGroups`). So a query needs no
/// records of other shards, and neither would it of other nodes. Joins are answered where all
/// records are: by the only shard, or from `GatheredMap`s.
///
/// A map costs nothing before its first query; from then on its rows are kept in step with its
/// records.
class OwnerQueries {
 public:
  /// Combinations that one query may make before its condition is asked of them, and that one live
  /// join may have to begin with; it is given up when it has grown to twice as many.
  static constexpr uint64_t kCombinationsMax = 1'000'000;
  /// Of all live joins together.
  static constexpr uint64_t kLiveCombinationsMax = 8'000'000;

  OwnerQueries(node::ShardContext& context, node::Owner& owner);
  ~OwnerQueries();

  void open(const node::ShardMessage& message);
  void close(const node::ShardMessage& message);
  /// Takes records whose time has passed out of the answers.
  void tick();
  /// Ends the batch: tells what it changed.
  void flush();

  /// Where gathered maps are attached, written to within a batch.
  QueryEngine& engine() { return engine_; }
  /// A gathered map was written to.
  void touch() { touched_ = true; }

  /// This shard's part of an answer, as it is now. The query is about these rows.
  static Result<Bytes> part_of(const query::Query& query,
                               const std::vector<query::Collection*>& sides);
  /// The same of maps of the engine, and from now on what changes in it, for the query of this
  /// number that the shard `home` has asked.
  Result<Bytes> subscribe(std::string_view relation, query::Query query, uint16_t home,
                          uint64_t number, bool has_order = true);
  /// No effect if there is no such query.
  void unsubscribe(uint16_t home, uint64_t number);

  size_t memory_bytes() const;

 private:
  class FollowedMap;
  /// Where the answers of a query go, and what is said of its rows.
  struct Follower {
    uint16_t home = 0;
    uint64_t number = 0;
    query::Query query;
    /// Nothing for groups, and for rows in the order of their keys that nobody will merge.
    std::optional<query::SortKeys> keys;
  };
  using FollowerName = std::pair<uint16_t, uint64_t>;
  /// The rows of all sides of a query. Those of maps that nobody has written to are made.
  struct Sides {
    std::vector<query::Collection*> rows;
    std::vector<std::unique_ptr<query::Collection>> made;
  };

  /// The rows of a map. Without `create`, null for a map that nobody has written to yet.
  Result<query::Collection*> follow(std::string_view map, bool create);
  Result<Sides> follow_sides(std::string_view map, const query::Query& query, bool create);
  Result<Bytes> open_as(Ask ask, std::string_view map, query::Query query,
                        const node::ShardMessage& message);
  Result<Bytes> follow_rows(SubscriptionId id, Follower& follower, bool has_order);
  void tell_rows(const RowsDelta& delta);
  void tell_groups(const GroupsDelta& delta);
  void give_up_grown_joins();

  node::ShardContext& context_;
  node::Owner& owner_;
  std::map<std::string, std::unique_ptr<FollowedMap>, std::less<>> maps_;
  QueryEngine engine_{kCombinationsMax};  // Borrows the maps' rows.
  std::map<SubscriptionId, Follower> followers_;
  std::map<FollowerName, SubscriptionId> ids_;
  std::set<SubscriptionId> joined_;  ///< Those of followers with joins.
  bool touched_ = false;
};

}  // namespace topgun::dataflow
