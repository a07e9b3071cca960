#pragma once

#include "core/dataflow/merged_groups.hpp"
#include "core/dataflow/merged_rows.hpp"
#include "core/dataflow/owner_queries.hpp"
#include "core/node/query_port.hpp"

namespace topgun::dataflow {

/// The queries of a node's shard (docs/protocol.md, Queries). Each shard answers from its own
/// records; the shard that has the connection asks those that can have records of the answer, and
/// puts their parts together. Whoever asks the same about the same map, with the same rights,
/// shares one answer; who asks the same with other constants shares the owners' graphs.
///
/// What the asker may see is a condition of the query like any other, so answers say nothing of
/// other records, not even how many there are.
class NodeQueries final : public node::ShardQueries {
 public:
  /// Different live answers that one shard keeps for its connections.
  static constexpr size_t kAnswersMax = 65'536;
  /// And bytes of all of them together. Beyond it the one that grows is given up.
  static constexpr size_t kAnswersBytesMax = size_t{256} << 20;

  NodeQueries(node::ShardContext& context, node::Owner& owner, node::QueryOutput& output)
      : context_(context), output_(output), owned_(context, owner) {}

  /// For `node::ShardOptions`.
  static std::unique_ptr<node::ShardQueries> make(node::ShardContext& context, node::Owner& owner,
                                                  node::QueryOutput& output);

  void open(node::QueryTarget target, ByteView map, ByteView query, bool live,
            const node::ReadAccess& access) override;
  void close(node::QueryTarget target) override;
  void repeat(node::QueryTarget target) override;
  void handle(const node::ShardMessage& message) override;
  void tick() override { owned_.tick(); }
  void flush() override { owned_.flush(); }
  size_t live_queries() const override { return by_target_.size(); }
  size_t memory_bytes() const override;

 private:
  /// One answer, for everybody who asked for it.
  struct Asked {
    bool is_live = false;
    bool is_grouped = false;
    bool is_selected = false;
    Bytes name;                    ///< Map and query; of a live one.
    std::vector<uint16_t> shards;  ///< That can have something to say, and have a part each.
    size_t parts_missing = 0;
    std::optional<MergedRows> rows;
    std::optional<MergedGroups> groups;
    std::vector<node::QueryTarget> targets;

    size_t bytes() const { return rows ? rows->bytes() : groups->bytes(); }
  };
  using Answers = std::map<uint64_t, Asked>;

  /// The query with what the asker may see as a part of its condition.
  static Result<query::Query> restrict(ByteView query, const node::ReadAccess& access, bool live);
  /// The shards that hold records whose keys the condition admits. At least one.
  std::vector<uint16_t> shards_of(const query::Query& query) const;
  void ask(uint64_t number, Asked& asked, ByteView map, const query::Query& query);
  /// Takes a part or steps on it into account. False if that was too much, and the query failed.
  bool grow(uint64_t number, const Asked& asked, size_t bytes_before);
  void on_part(const node::ShardMessage& message);
  void on_changed(const node::ShardMessage& message);
  Bytes whole(const Asked& asked) const;
  void fail(uint64_t number, Error error, std::string_view detail);
  /// Nobody wants it any more.
  void forget(Answers::iterator answer);

  node::ShardContext& context_;
  node::QueryOutput& output_;
  OwnerQueries owned_;
  Answers answers_;
  std::map<Bytes, uint64_t> live_;  ///< By name.
  std::map<node::QueryTarget, uint64_t> by_target_;
  size_t answer_bytes_ = 0;
  uint64_t last_number_ = 0;
};

}  // namespace topgun::dataflow
