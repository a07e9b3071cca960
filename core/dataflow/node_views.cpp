#include "core/dataflow/node_views.hpp"

#include <algorithm>
#include <set>

#include "core/base/hash.hpp"
#include "core/base/probe.hpp"
#include "core/query/normalize.hpp"

namespace topgun::dataflow {

using node::NodeView;
using node::ShardMessage;
using node::ShardMessageKind;
using query::Query;

namespace {

Query decoded(const NodeView& view) {
  Result<Query> query = query::decode_query(view.query);
  TG_ASSERT(query.ok());  // As `check_views` saw it.
  query->where = query::normalize(query->where);
  for (query::Join& join : query->joins) join.where = query::normalize(join.where);
  return std::move(*query);
}

const std::string& source_of(const NodeView& view, const Query& query, size_t side) {
  return side == 0 ? view.map : query.joins[side - 1].map;
}

/// Whether each record of the view comes from one record, whatever others there are.
bool is_record_by_record(const Query& query) {
  return query.joins.empty() && !query.is_grouped() && !query.limit && query.offset == 0;
}

}  // namespace

// --- where they are ---

std::optional<uint16_t> NodeViews::shard_of(std::string_view name) const {
  const auto found = places_.find(name);
  if (found == places_.end()) return std::nullopt;
  return found->second;
}

const PartitionKey* NodeViews::partition_key_of(std::string_view name) const {
  const auto found = partition_keys_.find(name);
  if (found != partition_keys_.end()) return &found->second;
  return context_.options.partition_key_of(MapKind::Lww, name);
}

std::vector<uint16_t> NodeViews::shards_of(std::string_view name) const {
  if (const auto shard = shard_of(name)) return {*shard};
  std::vector<uint16_t> all;
  for (uint16_t shard = 0; shard < context_.options.shard_count; ++shard) all.push_back(shard);
  return all;
}

void NodeViews::define_all() {
  if (is_defined_) return;
  is_defined_ = true;
  for (const NodeView& view : context_.options.views) define(view, decoded(view));
}

void NodeViews::define(const NodeView& view, const Query& query) {
  const uint16_t here = context_.options.shard;
  std::set<std::vector<uint16_t>> sources;
  for (size_t side = 0; side < query.sides(); ++side) {
    sources.insert(shards_of(source_of(view, query, side)));
  }
  const bool is_on_one_shard = sources.size() == 1 && sources.begin()->size() == 1;
  Result<void> defined;
  if (is_on_one_shard) {
    const uint16_t shard = sources.begin()->front();
    places_.emplace(view.name, shard);
    if (shard == here) defined = owner_.define_view(view, query);
  } else if (is_record_by_record(query)) {
    if (const PartitionKey* const declared = partition_key_of(view.map)) {
      PartitionKey& own = partition_keys_.emplace(view.name, *declared).first->second;
      // What is selected has other names.
      if (!query.select.empty()) own.field.clear();
    }
    defined = owner_.define_view(view, query);
  } else {
    const auto shard =
        static_cast<uint16_t>(hash64(as_bytes(view.name)) % context_.options.shard_count);
    places_.emplace(view.name, shard);
    if (shard != here) return;
    const bool only_groups = query.is_grouped() && query.joins.empty();
    defined = only_groups ? gather_groups(view, query) : gather(view, query);
  }
  // What is left to go wrong is that the node has as many maps as it may have.
  if (!defined.ok()) owner_.refuse_view(view.name, defined.error());
}

// --- what comes from other shards ---

Result<void> NodeViews::gather(const NodeView& view, const Query& query) {
  const query::JoinConditions conditions = query::split_conditions(query);
  const uint64_t user = ++last_number_;
  Gathering& gathering = gathering_[user];
  gathering.name = view.name;
  Query over = query;
  over.where = conditions.residual;
  for (size_t side = 0; side < query.sides(); ++side) {
    const std::string& source = source_of(view, query, side);
    Query own;
    own.where = conditions.by_side[side];
    if (query.joins.empty() && query.limit) {
      own.order = query.order;
      own.limit =
          *query.limit > UINT64_MAX - query.offset ? UINT64_MAX : *query.limit + query.offset;
    }
    const auto gathered = gathered_.want(user, ++last_number_, as_bytes(source), own,
                                         shards_of(source), true, PartForm::ForView);
    if (!gathered.ok()) {
      gathered_.release(user, gathering.sides);
      gathering_.erase(user);
      return gathered.error();
    }
    gathering.sides.push_back(*gathered);
    if (side > 0) over.joins[side - 1].where = {};
    if (side > 0) over.joins[side - 1].map = gathered_.map(*gathered).relation();
  }
  return owner_.define_gathered_view(view, gathered_.map(gathering.sides[0]).relation(), over);
}

Result<void> NodeViews::gather_groups(const NodeView& view, const Query& query) {
  const uint64_t number = ++last_number_;
  auto groups = std::make_unique<Groups>(view, query, shards_of(view.map));
  const auto relation = owner_.attach_view(view.name, groups->view.rows());
  if (!relation.ok()) return relation.error();
  groups->relation = *relation;
  Bytes payload;
  ByteWriter writer(payload);
  writer.blob(as_bytes(view.map));
  writer.blob(query::encode_query(query));
  const node::SharedBytes shared = node::share(std::move(payload));
  for (const uint16_t shard : groups->shards) {
    context_.post(
        shard, ShardMessageKind::OpenQuery,
        {number, static_cast<uint64_t>(Ask::Live), static_cast<uint64_t>(PartForm::ForView)},
        shared);
  }
  groups_.emplace(number, std::move(groups));
  return {};
}

void NodeViews::set_group(Groups& groups, ByteView key, ByteView group) {
  const std::optional<query::Write> write = groups.view.set_group(key, group);
  if (!write) return;
  groups.view.settle(owner_.engine().apply(groups.relation, *write));
  owner_.touch();
}

void NodeViews::on_part(const ShardMessage& message) {
  Groups& groups = *groups_.at(message.numbers[0]);
  if (message.numbers[1] != 0) {
    owner_.fail_view(groups.name, static_cast<Error>(message.numbers[1]));
    groups_.erase(message.numbers[0]);
    return;
  }
  const auto part = std::find(groups.shards.begin(), groups.shards.end(), message.from);
  ByteReader in(*message.payload);
  groups.merged.take_part(static_cast<size_t>(part - groups.shards.begin()), in);
  if (--groups.missing > 0) return;
  Bytes answer;
  ByteWriter writer(answer);
  groups.merged.write_answer(writer);
  ByteReader whole(answer);
  for (uint64_t count = whole.varint(); count > 0; --count) {
    const ByteView key = whole.blob(SIZE_MAX);
    set_group(groups, key, whole.blob(SIZE_MAX));
  }
  owner_.end_view(groups.name);
}

void NodeViews::on_changed(const ShardMessage& message) {
  Groups& groups = *groups_.at(message.numbers[0]);
  const auto part = std::find(groups.shards.begin(), groups.shards.end(), message.from);
  ByteReader in(*message.payload);
  Bytes steps;
  const auto place = static_cast<size_t>(part - groups.shards.begin());
  TG_SOMETIMES(groups.missing > 0, NodeViewChangesEarly);
  if (groups.missing > 0 && TG_MUTANT(89)) return;
  if (!groups.merged.take_steps(place, in, steps) || groups.missing > 0) return;
  ByteReader seen(steps);
  for (uint64_t count = seen.varint(); count > 0; --count) {
    const auto kind = static_cast<GroupEdit::Kind>(seen.u8());
    const ByteView key = seen.blob(SIZE_MAX);
    const ByteView group = seen.blob(SIZE_MAX);
    const bool leaves = kind == GroupEdit::Kind::Leave;
    TG_SOMETIMES(leaves, NodeViewLosesGroup);
    if (leaves && TG_MUTANT(88)) continue;
    set_group(groups, key, leaves ? ByteView{} : group);
  }
}

void NodeViews::on_gathered(uint64_t user) {
  const Gathering& gathering = gathering_.at(user);
  for (const uint64_t side : gathering.sides) {
    if (!gathered_.is_complete(side)) return;
  }
  owner_.end_view(gathering.name);
}

void NodeViews::fail(uint64_t user, Error error) {
  const Gathering gathering = gathering_.at(user);
  gathering_.erase(user);
  owner_.fail_view(gathering.name, error);
  gathered_.release(user, gathering.sides);
}

size_t NodeViews::memory_bytes() const {
  size_t bytes = 0;
  for (const auto& [number, groups] : groups_) bytes += groups->merged.bytes();
  return bytes;
}

// --- what may be declared ---

namespace {

/// What is wrong with one view, if the engine has all that stand before it.
std::string problem_of(const NodeView& view, const Query& query, QueryEngine& engine,
                       std::vector<std::unique_ptr<query::Collection>>& maps) {
  if (query.hints != query::Hints{}) return "hints are for queries that are asked";
  const size_t values =
      query.is_grouped() ? query.group_by.size() + query.aggregates.size() : query.select.size();
  if (!query.joins.empty() && values == 0) return "a view of several maps says what it selects";
  if (view.fields.size() != values) return "each value needs a name";
  const std::set<std::string> names(view.fields.begin(), view.fields.end());
  if (names.size() != values || names.count({}) != 0) return "each value needs a name of its own";
  if (query.is_grouped() && (query.limit || query.offset > 0)) {
    return "groups take no limit: make a view of this one that has it";
  }
  if (engine.find(view.name) != nullptr) return "a view or map before it is called so";
  for (size_t side = 0; side < query.sides(); ++side) {
    const std::string& source = source_of(view, query, side);
    if (source.empty() || source.size() > kMapNameBytesMax || node::is_reserved_map(source)) {
      return "'" + source + "' is no map";
    }
    if (source == view.name) return "it looks at itself";
    if (engine.find(source) != nullptr) continue;
    maps.push_back(std::make_unique<query::Collection>());
    if (!engine.attach(source, *maps.back()).ok()) return "there are too many maps";
  }
  const Result<void> defined = engine.define_view(view.name, view.map, query, view.fields);
  if (defined.ok()) return {};
  return "it cannot be kept: " + std::string(error_name(defined.error()));
}

}  // namespace

std::optional<ViewProblem> check_views(const std::vector<NodeView>& views) {
  std::vector<std::unique_ptr<query::Collection>> maps;  // Outlive the engine.
  QueryEngine engine;
  for (size_t i = 0; i < views.size(); ++i) {
    const NodeView& view = views[i];
    if (view.name.empty() || view.name.size() > kMapNameBytesMax ||
        node::is_reserved_map(view.name)) {
      return ViewProblem{i, "this is no name for a view"};
    }
    const Result<Query> query = query::decode_query(view.query);
    if (!query.ok()) return ViewProblem{i, "its query cannot be read"};
    std::string text = problem_of(view, *query, engine, maps);
    if (!text.empty()) return ViewProblem{i, std::move(text)};
  }
  return std::nullopt;
}

}  // namespace topgun::dataflow
