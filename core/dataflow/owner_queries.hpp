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

/// How a part of an answer is told; a number of `OpenQuery`.
enum class PartForm : uint8_t {
  Answer = 0,
  Gathered = 1,  ///< Rows in the order of their keys, without sort keys.
  ForView = 2,   ///< Likewise, as long as it may be: the node asks this of itself.
};

/// What a shard answers of its part of the maps: queries run on its own records alone, and whoever
/// asked puts the parts of all shards together (`MergedRows`, `MergedGroups`). So a query needs no
/// records of other shards, and neither would it of other nodes. Joins are answered where all
/// records are: by the only shard, or from `GatheredMap`s.
///
/// A map costs nothing before its first query; from then on its rows are kept in step with its
/// records. Maps that views look at are taken in from the start, some records at each tick, and
/// what is asked of them or of the views waits until they are there.
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
  /// Takes records whose time has passed out of the answers, and goes on taking maps in.
  void tick();
  bool is_busy() const;
  /// Ends the batch: tells what it changed.
  void flush();

  /// Defines a view over maps and views that this shard has, all of it or its part. Before the
  /// first query. Errors as of `QueryEngine::define_view`.
  Result<void> define_view(const node::NodeView& view, const query::Query& query);
  /// The same over maps of the engine that are gathered: `end_view` tells when they are there.
  Result<void> define_gathered_view(const node::NodeView& view, std::string_view map,
                                    const query::Query& query);
  /// Takes in rows as a view of this name; likewise.
  Result<RelationId> attach_view(std::string_view name, query::Collection& rows);
  void end_view(std::string_view name);
  /// This view could not be defined; whoever asks is told why.
  void refuse_view(std::string_view name, Error error);
  /// There is no such view after all, nor are there those that look at it here.
  void fail_view(std::string_view name, Error error);

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
                          uint64_t number, PartForm form = PartForm::Answer);
  /// No effect if there is no such query.
  void unsubscribe(uint16_t home, uint64_t number);

  size_t memory_bytes() const;

 private:
  class FollowedMap;
  /// Where the answers of a query go, and what is said of its rows.
  struct Follower {
    uint16_t home = 0;
    uint64_t number = 0;
    std::string relation;
    query::Query query;
    /// Nothing for groups, and for rows in the order of their keys that nobody will merge.
    std::optional<query::SortKeys> keys;
  };
  /// A view, or this shard's part of one.
  struct ViewState {
    std::string name;
    std::vector<std::string> sources;  ///< Of those that it looks at here.
    bool is_attached = false;          ///< Not by a query of the engine.
    bool is_gathering = false;
    std::optional<Error> error;
  };
  using FollowerName = std::pair<uint16_t, uint64_t>;
  /// The rows of all sides of a query. Those of maps that nobody has written to are made.
  struct Sides {
    std::vector<query::Collection*> rows;
    std::vector<std::unique_ptr<query::Collection>> made;
  };

  /// The rows of a map. Without `create`, null for a map that nobody has written to yet.
  Result<query::Collection*> follow(std::string_view map, bool create, bool in_background = false);
  Result<Sides> follow_sides(std::string_view map, const query::Query& query, bool create);
  Result<Bytes> open_as(Ask ask, std::string_view map, query::Query query,
                        const node::ShardMessage& message);
  Result<Bytes> follow_rows(SubscriptionId id, Follower& follower, PartForm form);
  ViewState* find_view(std::string_view name);
  Result<void> add_indexes(std::string_view relation);
  /// `NotReady` for a map or view that is not there yet, or why there is no such view.
  Result<void> check_ready(std::string_view name);
  Result<void> check_ready(std::string_view map, const query::Query& query);
  void open_waiting();
  void tell_rows(const RowsDelta& delta);
  void tell_groups(const GroupsDelta& delta);
  void give_up_grown_joins();

  node::ShardContext& context_;
  node::Owner& owner_;
  std::map<std::string, std::unique_ptr<FollowedMap>, std::less<>> maps_;
  QueryEngine engine_{kCombinationsMax};  // Borrows the maps' rows.
  std::map<SubscriptionId, Follower> followers_;
  std::map<FollowerName, SubscriptionId> ids_;
  std::set<SubscriptionId> joined_;          ///< Those of followers with joins.
  std::vector<ViewState> views_;             ///< As defined: each looks at earlier ones only.
  std::vector<node::ShardMessage> waiting_;  ///< Until what they ask of is there.
  bool touched_ = false;
};

}  // namespace topgun::dataflow
