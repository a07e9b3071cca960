#pragma once

#include <map>

#include "core/dataflow/query_engine.hpp"
#include "core/node/owner.hpp"
#include "core/query/top_rows.hpp"

namespace topgun::dataflow {

/// What a shard answers of its part of the maps: queries run on its own records alone, and whoever
/// asked puts the parts of all shards together (`MergedRows`, `MergedGroups`). So a query needs no
/// records of other shards, and neither would it of other nodes.
///
/// A map costs nothing before its first query; from then on its rows are kept in step with its
/// records.
class OwnerQueries {
 public:
  OwnerQueries(node::ShardContext& context, node::Owner& owner);
  ~OwnerQueries();

  void open(const node::ShardMessage& message);
  void close(const node::ShardMessage& message);
  /// Takes records whose time has passed out of the answers.
  void tick();
  /// Ends the batch: tells what it changed.
  void flush();

  size_t memory_bytes() const;

 private:
  class FollowedMap;
  /// Where the answers of a query go, and what is said of its rows.
  struct Follower {
    uint16_t home = 0;
    uint64_t number = 0;
    query::Query query;
    std::optional<query::SortKeys> keys;  ///< Nothing for groups.
  };
  using FollowerName = std::pair<uint16_t, uint64_t>;

  /// The rows of a map. Without `create`, null for a map that nobody has written to yet.
  Result<FollowedMap*> follow(ByteView map, bool create);
  Result<Bytes> part_of(ByteView map, const query::Query& query);
  Result<Bytes> subscribe(ByteView map, query::Query query, FollowerName name);
  /// `TooLarge` beyond what any answer may have.
  static Result<Bytes> encode_rows(query::SortKeys& keys, const query::Query& query,
                                   const std::vector<query::RowView>& rows);
  void tell_rows(const RowsDelta& delta);
  void tell_groups(const GroupsDelta& delta);

  node::ShardContext& context_;
  node::Owner& owner_;
  std::map<std::string, std::unique_ptr<FollowedMap>, std::less<>> maps_;
  QueryEngine engine_;  // Borrows the maps' rows.
  std::map<SubscriptionId, Follower> followers_;
  std::map<FollowerName, SubscriptionId> ids_;
  bool touched_ = false;
};

}  // namespace topgun::dataflow
