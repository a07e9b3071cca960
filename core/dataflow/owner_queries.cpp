#include "core/dataflow/owner_queries.hpp"

#include <algorithm>

#include "core/base/probe.hpp"
#include "core/dataflow/merged_rows.hpp"
#include "core/query/joined_rows.hpp"
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

// What stands for a side of a combination (docs/engine-protocol.md, Queries).
constexpr uint8_t kAbsent = 0;
constexpr uint8_t kWithValue = 2;
constexpr uint8_t kSelected = 3;  // The values follow behind all sides.

Bytes combination_value(const Query& query, const RowView& row) {
  const bool is_selected = !query.select.empty();
  Bytes out;
  ByteWriter writer(out);
  for (size_t side = 0; side < query.sides(); ++side) {
    const RowView& record = row.sides[side];
    writer.u8(record.is_absent() ? kAbsent : is_selected ? kSelected : kWithValue);
    if (record.is_absent()) continue;
    writer.blob(record.key);
    if (!is_selected) writer.blob(record.value);
  }
  if (is_selected) writer.blob(query::select_value(query, row));
  return out;
}

void write_row(Bytes& out, const Query& query, query::SortKeys* keys, const RowView& row) {
  Bytes order;
  if (keys != nullptr) keys->append(order, row);
  const bool is_joined = row.sides != nullptr;
  const Bytes value = is_joined ? combination_value(query, row) : query::select_value(query, row);
  ByteWriter writer(out);
  MergedRows::write_row(writer, {order, row.key, value});
}

/// A part of an answer in the making.
class PartWriter {
 public:
  void add_group(const Bytes& group) {
    ByteWriter(entries_).blob(group);
    ++count_;
  }
  void add_row(const Query& query, query::SortKeys* keys, const RowView& row) {
    write_row(entries_, query, keys, row);
    ++count_;
  }
  bool is_full() const { return entries_.size() > kPartBytesMax; }

  Bytes take() const {
    Bytes out;
    ByteWriter writer(out);
    writer.varint(count_);
    writer.raw(entries_);
    return out;
  }

 private:
  size_t count_ = 0;
  Bytes entries_;
};

}  // namespace

/// The rows of a shard's part of one map, kept in step with its records.
class OwnerQueries::FollowedMap final : public MapObserver {
 public:
  FollowedMap(OwnerQueries& owner, node::OwnedMap& map)
      : owner_(owner), map_(map), follower_(map.table, rows_) {}
  ~FollowedMap() override { map_.observer = nullptr; }

  /// Takes the records in, or begins to.
  Result<void> start(uint64_t wall_ms, bool in_background) {
    const auto relation = owner_.engine_.attach(map_.name, rows_);
    if (!relation.ok()) return relation.error();
    relation_ = *relation;
    if (const Result<void> indexed = owner_.add_indexes(map_.name); !indexed.ok()) {
      // The engine must not look at rows that are about to go.
      const Result<void> detached = owner_.engine_.detach(map_.name);
      TG_ASSERT(detached.ok());
      return indexed;
    }
    map_.observer = this;
    if (in_background) return {};
    take_some(SIZE_MAX, wall_ms);
    owner_.engine_.end_batch();
    owner_.touched_ = false;
    return {};
  }

  bool is_complete() const { return next_region_ == kRegions; }

  /// Goes on taking records in, about so many. Those that were written meanwhile have rows.
  void take_some(size_t records_max, uint64_t wall_ms) {
    size_t seen = 0;
    for (; !is_complete() && seen < records_max; ++next_region_) {
      map_.table.visit({kRegionBits, next_region_},
                       [&](uint64_t placement, uint64_t, const Record& record) {
                         ++seen;
                         const bool is_there = rows_.find(record.key).has_value();
                         TG_SOMETIMES(is_there, WrittenBeforeTaken);
                         if (!record.visible(wall_ms) || is_there) return;
                         apply({std::nullopt, record.key, std::nullopt, record.value});
                         expect(placement, record);
                       });
    }
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
        TG_SOMETIMES(true, NodeRowExpires);
        if (TG_MUTANT(79)) continue;
        follower_.expire(key, wall_ms, [&](const query::Write& write) { apply(write); });
      }
    }
  }

 private:
  /// Cut by the hash of keys, so that they stay as they are while the table grows.
  static constexpr uint8_t kRegionBits = 12;
  static constexpr uint64_t kRegions = uint64_t{1} << kRegionBits;

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
  uint64_t next_region_ = 0;  ///< To be taken in.
};

OwnerQueries::OwnerQueries(node::ShardContext& context, node::Owner& owner)
    : context_(context), owner_(owner) {}
OwnerQueries::~OwnerQueries() = default;

Result<void> OwnerQueries::add_indexes(std::string_view relation) {
  for (const node::NodeIndex& index : context_.options.indexes) {
    if (index.map != relation) continue;
    ByteReader in(index.definition);
    const Result<void> added = engine_.add_index(relation, query::read_index_definition(in));
    if (!added.ok()) return added;
  }
  // They are empty as yet, and ready at once.
  while (engine_.build_step(SIZE_MAX)) {
  }
  return {};
}

Result<query::Collection*> OwnerQueries::follow(std::string_view map, bool create,
                                                bool in_background) {
  query::Collection* const known = engine_.find(map);
  if (known != nullptr) return known;
  node::OwnedMap* owned = owner_.find_map(MapKind::Lww, as_bytes(map));
  if (owned == nullptr && !create) return nullptr;
  if (owned == nullptr) {
    const Result<node::OwnedMap*> created = owner_.find_or_create_map(MapKind::Lww, as_bytes(map));
    if (!created.ok()) return created.error();
    owned = *created;
  }
  auto followed = std::make_unique<FollowedMap>(*this, *owned);
  const Result<void> started = followed->start(context_.now.wall_ms, in_background);
  if (!started.ok()) return started.error();
  return &maps_.emplace(owned->name, std::move(followed)).first->second->rows();
}

Result<OwnerQueries::Sides> OwnerQueries::follow_sides(std::string_view map, const Query& query,
                                                       bool create) {
  Sides sides;
  for (size_t side = 0; side < query.sides(); ++side) {
    const auto rows = follow(side == 0 ? map : query.joins[side - 1].map, create);
    if (!rows.ok()) return rows.error();
    if (*rows == nullptr) sides.made.push_back(std::make_unique<query::Collection>());
    sides.rows.push_back(*rows == nullptr ? sides.made.back().get() : *rows);
  }
  return sides;
}

// --- answers ---

Result<Bytes> OwnerQueries::part_of(const Query& query,
                                    const std::vector<query::Collection*>& sides) {
  const bool is_joined = !query.joins.empty();
  const Result<query::Answer> answer = is_joined
                                           ? query::answer_join(query, sides, kCombinationsMax)
                                           : query::answer(query, *sides[0]);
  if (!answer.ok()) return answer.error();
  PartWriter part;
  if (query.is_grouped()) {
    for (const Bytes& group : answer->groups) part.add_group(group);
    return part.take();
  }
  std::optional<query::JoinedRows> joined;
  if (is_joined) joined.emplace(query.joins, sides);
  auto keys = query::SortKeys::make(query::effective_order(query),
                                    joined ? joined->attributes() : sides[0]->attributes());
  if (!keys.ok()) return keys.error();
  for (size_t at = 0; at < answer->rows.size(); at += answer->width) {
    query::Combination rows;
    rows.fill(query::kNoRow);
    std::copy_n(answer->rows.begin() + static_cast<ptrdiff_t>(at), answer->width, rows.begin());
    part.add_row(query, &*keys, joined ? joined->view(rows) : sides[0]->rows().view(rows[0]));
    if (part.is_full()) return Error::TooLarge;
  }
  return part.take();
}

Result<Bytes> OwnerQueries::subscribe(std::string_view relation, Query query, uint16_t home,
                                      uint64_t number, PartForm form) {
  if (query.hints != query::Hints{}) {
    const Result<Bytes> plan = engine_.explain(relation, query, query::Run::PlanOnly);
    if (!plan.ok()) return plan.error();
  }
  const Result<SubscriptionId> id = engine_.subscribe(relation, query);
  if (!id.ok()) return id.error();
  Follower follower{home, number, std::string(relation), std::move(query), std::nullopt};
  if (engine_.combinations() > kLiveCombinationsMax) {
    engine_.unsubscribe(*id);
    return Error::Overloaded;
  }
  Result<Bytes> part = follow_rows(*id, follower, form);
  if (!part.ok()) {
    engine_.unsubscribe(*id);
    return part;
  }
  if (!follower.query.joins.empty()) joined_.insert(*id);
  followers_.emplace(*id, std::move(follower));
  ids_.emplace(FollowerName{home, number}, *id);
  return part;
}

/// The answer to begin with; gets ready for telling what changes in it.
Result<Bytes> OwnerQueries::follow_rows(SubscriptionId id, Follower& follower, PartForm form) {
  PartWriter part;
  if (follower.query.is_grouped()) {
    for (const GroupEdit& group : engine_.groups(id)) part.add_group(group.group);
    return part.take();
  }
  if (form == PartForm::Answer) {
    auto keys =
        query::SortKeys::make(query::effective_order(follower.query), engine_.attributes(id));
    if (!keys.ok()) return keys.error();
    follower.keys = std::move(*keys);
  }
  for (const RowId row : engine_.rows(id)) {
    part.add_row(follower.query, follower.keys ? &*follower.keys : nullptr, *engine_.row(id, row));
    if (part.is_full() && form != PartForm::ForView) return Error::TooLarge;
  }
  return part.take();
}

Result<Bytes> OwnerQueries::open_as(Ask ask, std::string_view map, Query query,
                                    const node::ShardMessage& message) {
  const Result<Sides> sides = follow_sides(map, query, ask == Ask::Live);
  if (!sides.ok()) return sides.error();
  query.partial_groups = query.is_grouped() && ask <= Ask::Live;
  if (ask == Ask::Once) return part_of(query, sides->rows);
  if (ask == Ask::Live) {
    return subscribe(map, std::move(query), message.from, message.numbers[0],
                     static_cast<PartForm>(message.numbers[2]));
  }
  const auto run = ask == Ask::Analyze ? query::Run::Analyze : query::Run::PlanOnly;
  if (query.joins.empty()) return query::explain(query, *sides->rows[0], run);
  return query::explain_join(query, sides->rows, run, kCombinationsMax);
}

void OwnerQueries::open(const node::ShardMessage& message) {
  // What was written before is in the answer, and those who follow have been told of it.
  flush();
  ByteReader in(*message.payload);
  const ByteView map = in.blob(kMapNameBytesMax);
  Result<Query> query = query::decode_query(in.blob(SIZE_MAX));
  TG_ASSERT(query.ok());  // Encoded by the shard that asks.
  const Result<void> ready = check_ready(as_text(map), *query);
  if (!ready.ok() && ready.error() == Error::NotReady) {
    TG_SOMETIMES(true, NodeViewWaits);
    if (!TG_MUTANT(95)) waiting_.push_back(message);
    return;
  }
  Result<Bytes> part = ready.ok() ? open_as(static_cast<Ask>(message.numbers[1]), as_text(map),
                                            std::move(*query), message)
                                  : Result<Bytes>(ready.error());
  uint64_t error = part.ok() ? 0 : static_cast<uint64_t>(part.error());
  const bool is_bounded = static_cast<PartForm>(message.numbers[2]) != PartForm::ForView;
  if (part.ok() && is_bounded && part->size() > kPartBytesMax) {
    error = static_cast<uint64_t>(Error::TooLarge);
  }
  if (error != 0) close(message);
  context_.post(message.from, ShardMessageKind::QueryPart,
                {message.numbers[0], error, ready.ok() ? 0u : 1u},
                node::share(error == 0 ? std::move(*part) : Bytes{}));
}

void OwnerQueries::close(const node::ShardMessage& message) {
  std::erase_if(waiting_, [&](const node::ShardMessage& each) {
    return each.from == message.from && each.numbers[0] == message.numbers[0];
  });
  unsubscribe(message.from, message.numbers[0]);
}

void OwnerQueries::unsubscribe(uint16_t home, uint64_t number) {
  const auto found = ids_.find({home, number});
  if (found == ids_.end()) return;
  flush();
  // What grew too much was given up by that.
  const auto still = ids_.find({home, number});
  if (still == ids_.end()) return;
  engine_.unsubscribe(still->second);
  joined_.erase(still->second);
  followers_.erase(still->second);
  ids_.erase(still);
}

void OwnerQueries::tick() {
  for (const auto& [name, map] : maps_) map->expire(context_.now.wall_ms);
  if (!is_busy()) return;
  for (const auto& [name, map] : maps_) {
    if (map->is_complete()) continue;
    map->take_some(context_.options.limits.taken_per_tick, context_.now.wall_ms);
    break;
  }
  open_waiting();
}

bool OwnerQueries::is_busy() const {
  return std::any_of(maps_.begin(), maps_.end(),
                     [](const auto& each) { return !each.second->is_complete(); });
}

// --- views ---

Result<void> OwnerQueries::check_ready(std::string_view name) {
  if (const ViewState* const view = find_view(name)) {
    if (view->error) return *view->error;
    if (view->is_gathering) return Error::NotReady;
    for (const std::string& source : view->sources) {
      const Result<void> ready = check_ready(source);
      if (!ready.ok()) return ready;
    }
    return {};
  }
  const auto map = maps_.find(name);
  if (map != maps_.end() && !map->second->is_complete()) return Error::NotReady;
  return {};
}

void OwnerQueries::open_waiting() {
  std::vector<node::ShardMessage> waiting;
  std::swap(waiting, waiting_);
  for (const node::ShardMessage& message : waiting) open(message);
}

void OwnerQueries::flush() {
  if (!touched_) return;
  touched_ = false;
  const LiveChanges changes = engine_.end_batch();
  for (const RowsDelta& delta : changes.rows) tell_rows(delta);
  for (const GroupsDelta& delta : changes.groups) tell_groups(delta);
  if (!joined_.empty()) give_up_grown_joins();
}

/// Writes to one side can make any number of combinations.
void OwnerQueries::give_up_grown_joins() {
  const bool is_too_much = engine_.combinations() > 2 * kLiveCombinationsMax;
  std::vector<FollowerName> grown;
  for (const SubscriptionId id : joined_) {
    if (!is_too_much && engine_.combinations(id) <= 2 * kCombinationsMax) continue;
    const Follower& follower = followers_.at(id);
    grown.emplace_back(follower.home, follower.number);
  }
  for (const FollowerName& name : grown) {
    context_.post(name.first, ShardMessageKind::QueryPart,
                  {name.second, static_cast<uint64_t>(Error::LimitExceeded)}, node::share({}));
    unsubscribe(name.first, name.second);
  }
}

void OwnerQueries::tell_rows(const RowsDelta& delta) {
  // They see the same rows, but may want other fields of them.
  for (const SubscriptionId id : delta.subscriptions) {
    Follower& follower = followers_.at(id);
    Bytes out;
    ByteWriter writer(out);
    writer.varint(delta.edits.size());
    for (const Edit& edit : delta.edits) {
      writer.u8(static_cast<uint8_t>(edit.kind));
      writer.varint(edit.from);
      writer.varint(edit.to);
      const auto row = edit.kind == Edit::Kind::Leave ? std::nullopt : engine_.row(id, edit.row);
      writer.u8(row ? 1 : 0);
      if (row) write_row(out, follower.query, follower.keys ? &*follower.keys : nullptr, *row);
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
