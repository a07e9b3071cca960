#pragma once

#include "core/dataflow/gathered_maps.hpp"
#include "core/dataflow/merged_groups.hpp"
#include "core/dataflow/merged_rows.hpp"
#include "core/dataflow/node_explanation.hpp"
#include "core/dataflow/node_views.hpp"
#include "core/node/query_port.hpp"
#include "core/query/partition_set.hpp"

namespace topgun::dataflow {

/// The queries of a node's shard (docs/protocol.md, Queries). Each shard answers from its own
/// records; the shard that has the connection asks those that can have records of the answer, and
/// puts their parts together. Whoever asks the same about the same map, with the same rights,
/// shares one answer; who asks the same with other constants shares the owners' graphs.
///
/// Joins need records of all shards in one place. Each shard sends those that the conditions on its
/// map leave, and the shard that has the connection joins them as a client would; with one shard
/// nothing is sent.
///
/// Views that the node keeps are asked as maps are.
///
/// What the asker may see is a condition of the query like any other, on each of its maps, so
/// answers say nothing of other records, not even how many there are. Plans do, and are told only
/// to those who may see the maps whole.
class NodeQueries final : public node::ShardQueries {
 public:
  /// Different live answers that one shard keeps for its connections.
  static constexpr size_t kAnswersMax = 65'536;
  /// And bytes of all of them together. Beyond it the one that grows is given up.
  static constexpr size_t kAnswersBytesMax = size_t{256} << 20;

  /// Bytes of records that are gathered for one side of a join.
  static constexpr size_t kGatheredBytesMax = size_t{64} << 20;

  NodeQueries(node::ShardContext& context, node::Owner& owner, node::QueryOutput& output)
      : context_(context),
        output_(output),
        gathered_(context, owned_),
        views_(context, owned_, gathered_, last_number_),
        owned_(context, owner) {}

  /// For `node::ShardOptions`.
  static std::unique_ptr<node::ShardQueries> make(node::ShardContext& context, node::Owner& owner,
                                                  node::QueryOutput& output);

  std::vector<std::string> joined_maps(ByteView query) const override;
  void open(node::QueryTarget target, ByteView map, ByteView query, bool live,
            std::span<const node::ReadAccess> access) override;
  void close(node::QueryTarget target) override;
  void repeat(node::QueryTarget target) override;
  void handle(const node::ShardMessage& message) override;
  void tick() override {
    views_.define_all();
    owned_.tick();
  }
  bool is_busy() const override { return views_.is_pending() || owned_.is_busy(); }
  void flush() override { owned_.flush(); }
  size_t live_queries() const override { return by_target_.size(); }
  size_t memory_bytes() const override;

 private:
  /// One answer, for everybody who asked for it.
  struct Asked {
    Ask ask = Ask::Once;
    std::string map;
    query::Query query;  ///< As of a shard that holds all records, with what the asker may see.
    Bytes name;          ///< Map and query; of a live one.
    std::vector<uint16_t> shards;  ///< That can have something to say, and have a part each.
    size_t parts_missing = 0;
    std::optional<MergedRows> rows;  ///< One of these three.
    std::optional<MergedGroups> groups;
    std::optional<NodeExplanation> explanation;
    std::vector<uint64_t> gathered;  ///< By side; of joins over several shards.
    bool is_joined = false;          ///< What was gathered has been.
    std::vector<node::QueryTarget> targets;

    size_t bytes() const {
      return rows ? rows->bytes() : groups ? groups->bytes() : explanation->bytes();
    }
    bool is_live() const { return ask == Ask::Live; }
    bool is_complete() const {
      const bool is_explained = !explanation || explanation->is_complete();
      return parts_missing == 0 && is_explained && (gathered.empty() || is_joined);
    }
  };
  using Answers = std::map<uint64_t, Asked>;
  /// Whose plan a shard tells, and of which side.
  struct PlanPlace {
    uint64_t number = 0;
    size_t side = 0;
  };

  /// The query with what the asker may see as a part of its conditions.
  static Result<query::Query> restrict(ByteView query, std::span<const node::ReadAccess> access,
                                       Ask ask);
  /// Whether other shards can read it: what is added to a query by rules, or by the conditions of
  /// other maps, may make it longer than any query may be. O(query).
  static bool is_sendable(const query::Query& query);
  /// What one part says of an answer: the rows that may be among the first of all; groups whole.
  static query::Query part_query(const query::Query& query);
  static std::string_view detail_of(Error error);
  /// The partitions of the map that can have records which the condition admits; nothing for a view
  /// that lies on one shard.
  std::optional<query::PartitionSet> partitions_of(std::string_view map,
                                                   const query::Query& query) const;
  /// The shards that these are on. At least one.
  std::vector<uint16_t> shards_of(std::string_view map, const query::Query& query) const;
  /// Whether all that an answer is made of is on one shard.
  bool is_of_one_shard(const Asked& asked) const;
  void ask_shards(uint64_t number, Asked& asked);
  void ask_plans(uint64_t number, Asked& asked, const std::string& map, const query::Query& query);
  Result<void> gather(uint64_t number, Asked& asked);
  void join_if_gathered(uint64_t number);
  std::vector<query::Collection*> gathered_sides(const Asked& asked);
  Result<Bytes> answer_gathered(uint64_t number, const Asked& asked);
  void explain_gathered(uint64_t number, Asked& asked);
  /// Takes a part or steps on it into account. False if that was too much, and the query failed.
  bool grow(uint64_t number, const Asked& asked, size_t bytes_before);
  bool grow_gathered(uint64_t number);
  void take_part(uint64_t number, size_t part, ByteView bytes);
  void finish_if_complete(uint64_t number);
  void on_part(const node::ShardMessage& message);
  void on_plan(const node::ShardMessage& message);
  void on_gathered(const node::ShardMessage& message);
  void on_changed(const node::ShardMessage& message);
  Bytes whole(const Asked& asked) const;
  void fail(uint64_t number, Error error, std::string_view detail);
  void fail_gathered(uint64_t number, Error error, std::string_view detail);
  /// Nobody wants it any more.
  void forget(Answers::iterator answer);

  node::ShardContext& context_;
  node::QueryOutput& output_;
  GatheredMaps gathered_;  // Outlives the engine that it is attached to.
  NodeViews views_;
  OwnerQueries owned_;
  Answers answers_;
  std::map<uint64_t, PlanPlace> plans_;
  std::map<Bytes, uint64_t> live_;  ///< By name.
  std::map<node::QueryTarget, uint64_t> by_target_;
  size_t answer_bytes_ = 0;
  uint64_t last_number_ = 0;
};

}  // namespace topgun::dataflow
