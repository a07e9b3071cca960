#pragma once

#include "core/dataflow/gathered_maps.hpp"
#include "core/dataflow/merged_groups.hpp"

namespace topgun::dataflow {

/// The views that the node's configuration declares, as one shard sees them. All shards put them
/// into the same places without asking each other:
///
/// - where everything that a view looks at lies on one shard, which is always so with a single one,
///   it is there as well, and the engine of that shard keeps it;
/// - a view that filters and selects has its records where those below it are, on all shards;
/// - any other is on one shard, chosen by its name, and gathers there: records that its conditions
///   leave, from each shard the first `offset + limit` if it wants no more, and of groups without
///   joins only what each shard knows of them.
///
/// They are filled from what is below them after the start, in the background: maps are taken in
/// some records at a time (`OwnerQueries`), and what is asked of a view waits until it is there.
class NodeViews {
 public:
  /// `last_number` names what is asked of shards, here and by queries. Borrows all.
  NodeViews(node::ShardContext& context, OwnerQueries& owner, GatheredMaps& gathered,
            uint64_t& last_number)
      : context_(context), owner_(owner), gathered_(gathered), last_number_(last_number) {}

  /// Begins to make the views of this shard. Once, after recovery and before the first query; no
  /// effect later. Declarations were checked (`check_views`).
  void define_all();
  bool is_pending() const { return !is_defined_ && !context_.options.views.empty(); }

  /// The shard where the view is as a whole; nothing for one on all shards, and for maps.
  std::optional<uint16_t> shard_of(std::string_view name) const;

  /// What tells where records of a map lie, or of a view that lies where they do; null if they lie
  /// by their whole keys.
  const PartitionKey* partition_key_of(std::string_view name) const;

  /// Whether the shards tell their groups under this number.
  bool has_groups(uint64_t number) const { return groups_.count(number) != 0; }
  void on_part(const node::ShardMessage& message);
  void on_changed(const node::ShardMessage& message);

  /// Whether what was gathered is for the view of this number.
  bool has(uint64_t user) const { return gathering_.count(user) != 0; }
  void on_gathered(uint64_t user);
  /// What is below the view became too much, or failed itself.
  void fail(uint64_t user, Error error);

  size_t memory_bytes() const;

 private:
  /// A view of groups, from what each shard knows of them.
  struct Groups {
    Groups(const node::NodeView& declared, const query::Query& query, std::vector<uint16_t> from)
        : name(declared.name),
          shards(std::move(from)),
          missing(shards.size()),
          merged(shards.size(), query),
          view(query, declared.fields) {}

    std::string name;
    std::vector<uint16_t> shards;
    size_t missing;
    MergedGroups merged;
    View view;
    RelationId relation = {};
  };
  /// A view that the engine keeps, over gathered maps.
  struct Gathering {
    std::string name;
    std::vector<uint64_t> sides;
  };

  std::vector<uint16_t> shards_of(std::string_view name) const;
  void define(const node::NodeView& view, const query::Query& query);
  Result<void> gather(const node::NodeView& view, const query::Query& query);
  Result<void> gather_groups(const node::NodeView& view, const query::Query& query);
  void set_group(Groups& groups, ByteView key, ByteView group);

  node::ShardContext& context_;
  OwnerQueries& owner_;
  GatheredMaps& gathered_;
  uint64_t& last_number_;
  bool is_defined_ = false;
  std::map<std::string, uint16_t, std::less<>> places_;              ///< Of those on one shard.
  std::map<std::string, PartitionKey, std::less<>> partition_keys_;  ///< Of views.
  std::map<uint64_t, std::unique_ptr<Groups>> groups_;
  std::map<uint64_t, Gathering> gathering_;
};

/// What is wrong with views that are to be declared, by the place of the first that is. Each must
/// have a name of its own that is no reserved one and look at maps and views that stand before it;
/// its query must be one that can be kept, and name what it selects and groups.
struct ViewProblem {
  size_t view = 0;
  std::string text;
};
std::optional<ViewProblem> check_views(const std::vector<node::NodeView>& views);

}  // namespace topgun::dataflow
