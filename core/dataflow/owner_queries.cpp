#include "core/dataflow/owner_queries.hpp"

#include "core/dataflow/merged_rows.hpp"
#include "core/query/record_follower.hpp"
#include "core/replica/expiry_schedule.hpp"

namespace topgun::dataflow {

using node::ShardMessageKind;
using query::Query;
using query::RowId;
using query::RowView;

namespace {

/// Of one shard's part; sort keys are in it.
constexpr size_t kPartBytesMax = 2 * kAnswerBytesMax;

}  // namespace

/// The rows of a shard's part of one map, kept in step with its records.
class OwnerQueries::FollowedMap final : public MapObserver {
 public:
  FollowedMap(OwnerQueries& owner, node::OwnedMap& map)
      : owner_(owner), map_(map), follower_(map.table, rows_) {}
  ~FollowedMap() override { map_.observer = nullptr; }

  Result<void> start(uint64_t wall_ms) {
    const auto relation = owner_.engine_.attach(map_.name, rows_);
    if (!relation.ok()) return relation.error();
    relation_ = *relation;
    if (const Result<void> indexed = add_indexes(); !indexed.ok()) {
      // The engine must not look at rows that are about to go.
      const Result<void> detached = owner_.engine_.detach(map_.name);
      TG_ASSERT(detached.ok());
      return indexed;
    }
    follower_.take_all(wall_ms, [&](const query::Write& write) { apply(write); });
    map_.table.visit_all([&](uint64_t placement, uint64_t, const Record& record) {
      if (record.visible(wall_ms)) expect(placement, record);
    });
    owner_.engine_.end_batch();
    owner_.touched_ = false;
    map_.observer = this;
    return {};
  }

  query::Collection& rows() { return rows_; }

  void changing(const Record& current) override {
    follower_.changing(current);
    if (current.ttl_ms != 0) expiries_.remove(entry_of(placement_of(current.key), current));
  }

  void changed(ByteView key, uint64_t wall_ms) override {
    follower_.changed(key, wall_ms, [&](const query::Write& write) { apply(write); });
    const auto record = map_.table.find(key, {});
    if (record.has_value()) expect(placement_of(key), *record);
  }

  void clearing() override {
    erase_if([](const Record&) { return true; });
    expiries_.remove_map(0);
  }

  void collecting(uint64_t horizon_ms) override {
    erase_if([&](const Record& record) { return record.retired_before(horizon_ms); });
  }

  void expire(uint64_t wall_ms) {
    while (const auto due = expiries_.take_due(wall_ms)) {
      std::vector<Bytes> keys;
      map_.table.visit_placement(
          due->placement, [&](const Record& record) { keys.push_back(to_bytes(record.key)); });
      for (const Bytes& key : keys) {
        follower_.expire(key, wall_ms, [&](const query::Write& write) { apply(write); });
      }
    }
  }

 private:
  Result<void> add_indexes() {
    for (const node::NodeIndex& index : owner_.context_.options.indexes) {
      if (index.map != map_.name) continue;
      ByteReader in(index.definition);
      const Result<void> added =
          owner_.engine_.add_index(map_.name, query::read_index_definition(in));
      if (!added.ok()) return added;
    }
    // They are empty as yet, and ready at once.
    while (owner_.engine_.build_step(SIZE_MAX)) {
    }
    return {};
  }

  static uint64_t placement_of(ByteView key) {
    return RecordTable::placement(MapKind::Lww, key, {});
  }
  static ExpirySchedule::Entry entry_of(uint64_t placement, const Record& record) {
    return {record.expires_at_ms(), 0, placement};
  }
  void expect(uint64_t placement, const Record& record) {
    if (record.ttl_ms != 0 && !record.tombstone) expiries_.add(entry_of(placement, record));
  }

  void apply(const query::Write& write) {
    owner_.engine_.apply(relation_, write);
    owner_.touched_ = true;
  }

  template <typename Condition>
  void erase_if(Condition&& condition) {
    follower_.forget_if(condition, [&](const query::Write& write) { apply(write); });
  }

  OwnerQueries& owner_;
  node::OwnedMap& map_;
  query::Collection rows_;
  query::RecordFollower follower_;
  ExpirySchedule expiries_;
  RelationId relation_ = {};
};

OwnerQueries::OwnerQueries(node::ShardContext& context, node::Owner& owner)
    : context_(context), owner_(owner) {}
OwnerQueries::~OwnerQueries() = default;

Result<OwnerQueries::FollowedMap*> OwnerQueries::follow(ByteView map, bool create) {
  const auto known = maps_.find(as_text(map));
  if (known != maps_.end()) return known->second.get();
  node::OwnedMap* owned = owner_.find_map(MapKind::Lww, map);
  if (owned == nullptr && !create) return nullptr;
  if (owned == nullptr) {
    const Result<node::OwnedMap*> created = owner_.find_or_create_map(MapKind::Lww, map);
    if (!created.ok()) return created.error();
    owned = *created;
  }
  auto followed = std::make_unique<FollowedMap>(*this, *owned);
  const Result<void> started = followed->start(context_.now.wall_ms);
  if (!started.ok()) return started.error();
  return maps_.emplace(owned->name, std::move(followed)).first->second.get();
}

Result<Bytes> OwnerQueries::encode_rows(query::SortKeys& keys, const Query& query,
                                        const std::vector<RowView>& rows) {
  Bytes out;
  ByteWriter writer(out);
  writer.varint(rows.size());
  Bytes order;
  for (const RowView& row : rows) {
    order.clear();
    keys.append(order, row);
    const Bytes value = query::select_value(query, row);
    MergedRows::write_row(writer, {order, row.key, value});
    if (out.size() > kPartBytesMax) return Error::TooLarge;
  }
  return out;
}

/// The answer as it is, from this shard's records.
Result<Bytes> OwnerQueries::part_of(ByteView map, const Query& query) {
  const Result<FollowedMap*> followed = follow(map, false);
  if (!followed.ok()) return followed.error();
  query::Collection none;
  query::Collection& rows = *followed == nullptr ? none : (*followed)->rows();
  const Result<query::Answer> answer = query::answer(query, rows);
  if (!answer.ok()) return answer.error();
  if (query.is_grouped()) {
    Bytes out;
    ByteWriter writer(out);
    writer.varint(answer->groups.size());
    for (const Bytes& group : answer->groups) writer.blob(group);
    return out;
  }
  auto keys = query::SortKeys::make(query::effective_order(query), rows.attributes());
  if (!keys.ok()) return keys.error();
  std::vector<RowView> views;
  views.reserve(answer->rows.size());
  for (const RowId row : answer->rows) views.push_back(rows.rows().view(row));
  return encode_rows(*keys, query, views);
}

/// The same, and from now on what changes in it.
Result<Bytes> OwnerQueries::subscribe(ByteView map, Query query, FollowerName name) {
  const Result<FollowedMap*> followed = follow(map, true);
  if (!followed.ok()) return followed.error();
  const std::string_view relation = as_text(map);
  if (query.hints != query::Hints{}) {
    const Result<Bytes> plan = engine_.explain(relation, query, query::Run::PlanOnly);
    if (!plan.ok()) return plan.error();
  }
  const Result<SubscriptionId> id = engine_.subscribe(relation, query);
  if (!id.ok()) return id.error();
  Follower follower{name.first, name.second, std::move(query), std::nullopt};
  Bytes out;
  if (follower.query.is_grouped()) {
    const std::vector<GroupEdit> groups = engine_.groups(*id);
    ByteWriter writer(out);
    writer.varint(groups.size());
    for (const GroupEdit& group : groups) writer.blob(group.group);
  } else {
    auto keys = query::SortKeys::make(query::effective_order(follower.query),
                                      (*followed)->rows().attributes());
    if (!keys.ok()) {
      engine_.unsubscribe(*id);
      return keys.error();
    }
    follower.keys = std::move(*keys);
    std::vector<RowView> views;
    for (const RowId row : engine_.rows(*id)) views.push_back(*engine_.row(*id, row));
    Result<Bytes> rows = encode_rows(*follower.keys, follower.query, views);
    if (!rows.ok()) {
      engine_.unsubscribe(*id);
      return rows.error();
    }
    out = std::move(*rows);
  }
  followers_.emplace(*id, std::move(follower));
  ids_.emplace(name, *id);
  return out;
}

void OwnerQueries::open(const node::ShardMessage& message) {
  // What was written before is in the answer, and those who follow have been told of it.
  flush();
  const uint64_t number = message.numbers[0];
  ByteReader in(*message.payload);
  const ByteView map = in.blob(kMapNameBytesMax);
  Result<Query> query = query::decode_query(in.blob(SIZE_MAX));
  TG_ASSERT(query.ok());  // Encoded by the shard that asks.
  query->partial_groups = query->is_grouped();
  const bool is_live = message.numbers[1] != 0;
  Result<Bytes> part =
      is_live ? subscribe(map, std::move(*query), {message.from, number}) : part_of(map, *query);
  if (part.ok() && part->size() > kPartBytesMax) part = Error::TooLarge;
  if (!part.ok()) close(message);
  const uint64_t error = part.ok() ? 0 : static_cast<uint64_t>(part.error());
  context_.post(message.from, ShardMessageKind::QueryPart, {number, error},
                node::share(part.ok() ? std::move(*part) : Bytes{}));
}

void OwnerQueries::close(const node::ShardMessage& message) {
  const auto found = ids_.find({message.from, message.numbers[0]});
  if (found == ids_.end()) return;
  flush();
  engine_.unsubscribe(found->second);
  followers_.erase(found->second);
  ids_.erase(found);
}

void OwnerQueries::tick() {
  for (const auto& [name, map] : maps_) map->expire(context_.now.wall_ms);
}

void OwnerQueries::flush() {
  if (!touched_) return;
  touched_ = false;
  const LiveChanges changes = engine_.end_batch();
  for (const RowsDelta& delta : changes.rows) tell_rows(delta);
  for (const GroupsDelta& delta : changes.groups) tell_groups(delta);
}

void OwnerQueries::tell_rows(const RowsDelta& delta) {
  // They see the same rows, but may want other fields of them.
  for (const SubscriptionId id : delta.subscriptions) {
    Follower& follower = followers_.at(id);
    Bytes out;
    ByteWriter writer(out);
    writer.varint(delta.edits.size());
    Bytes order;
    for (const Edit& edit : delta.edits) {
      writer.u8(static_cast<uint8_t>(edit.kind));
      writer.varint(edit.from);
      writer.varint(edit.to);
      const auto row = edit.kind == Edit::Kind::Leave ? std::nullopt : engine_.row(id, edit.row);
      writer.u8(row ? 1 : 0);
      if (!row) continue;
      order.clear();
      follower.keys->append(order, *row);
      const Bytes value = query::select_value(follower.query, *row);
      MergedRows::write_row(writer, {order, row->key, value});
    }
    context_.post(follower.home, ShardMessageKind::QueryChanged, {follower.number},
                  node::share(std::move(out)));
  }
}

void OwnerQueries::tell_groups(const GroupsDelta& delta) {
  Bytes out;
  ByteWriter writer(out);
  writer.varint(delta.edits.size());
  for (const GroupEdit& edit : delta.edits) {
    writer.u8(static_cast<uint8_t>(edit.kind));
    writer.blob(edit.key);
    writer.blob(edit.kind == GroupEdit::Kind::Leave ? ByteView{} : ByteView(edit.group));
  }
  const node::SharedBytes shared = node::share(std::move(out));
  for (const SubscriptionId id : delta.subscriptions) {
    const Follower& follower = followers_.at(id);
    context_.post(follower.home, ShardMessageKind::QueryChanged, {follower.number}, shared);
  }
}

size_t OwnerQueries::memory_bytes() const { return engine_.memory_bytes(); }

}  // namespace topgun::dataflow
