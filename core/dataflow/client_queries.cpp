#include "core/dataflow/client_queries.hpp"

#include "core/query/explain.hpp"

namespace topgun::dataflow {

using client::Command;
using client::Event;
using query::Query;
using query::RowId;

namespace {

constexpr uint8_t kRows = 0;
constexpr uint8_t kGroups = 1;

Result<void> finish(const ByteReader& in) {
  if (!in.ok()) return in.error();
  if (!in.at_end()) return Error::Malformed;
  return {};
}

void write_rows(ByteWriter& out, const std::vector<RowId>& rows, const query::RowTable& table) {
  out.u8(kRows);
  out.varint(rows.size());
  for (const RowId row : rows) out.blob(table.view(row).key);
}

}  // namespace

/// The rows of one map, its indexes and its live queries.
class ClientQueries::FollowedMap final : public client::MapObserver {
 public:
  FollowedMap(client::ClientMap& map, Now now) : map_(map), follower_(map.table, rows_) {
    follower_.take_all(now.wall_ms, [&](const query::Write& write) { live_.apply(write); });
    live_.end_batch();
    map.observer = this;
  }
  ~FollowedMap() override { map_.observer = nullptr; }

  void changing(const Record& current) override { follower_.changing(current); }

  void changed(ByteView key, uint64_t wall_ms) override {
    follower_.changed(key, wall_ms, [&](const query::Write& write) { apply(write); });
  }

  void clearing() override {
    erase_if([](const Record&) { return true; });
  }

  void collecting(uint64_t horizon_ms) override {
    erase_if([&](const Record& record) { return record.retired_before(horizon_ms); });
  }

  /// True if there are changes to be told.
  bool touched() const { return touched_; }
  /// Tells them.
  void report(client::EventQueue& events);

  /// Goes on with indexes under construction, and tells which are ready. True if there is more to
  /// do.
  bool build(uint64_t handle, client::EventQueue& events);

  query::Collection& rows() { return rows_; }
  LiveQueries& live() { return live_; }

  /// The host's numbers of live queries.
  std::map<SubscriptionId, uint64_t> numbers;
  /// Names of indexes that were not ready when the host was last told.
  std::vector<std::string> building;

 private:
  void apply(const query::Write& write) {
    live_.apply(write);
    touched_ = true;
  }

  void write_subscriptions(ByteWriter& out, const std::vector<SubscriptionId>& subscriptions) {
    out.varint(subscriptions.size());
    for (const SubscriptionId id : subscriptions) out.varint(numbers[id]);
  }
  void write_edit(ByteWriter& out, const Edit& edit) const;

  template <typename Condition>
  void erase_if(Condition&& condition) {
    map_.table.visit_all([&](uint64_t, uint64_t, const Record& record) {
      if (!condition(record)) return;
      const auto row = rows_.find(record.key);
      if (row) apply({row, record.key, record.value, std::nullopt});
    });
  }

  client::ClientMap& map_;
  query::Collection rows_;
  LiveQueries live_{rows_};
  query::RecordFollower follower_;
  bool touched_ = false;
};

void ClientQueries::FollowedMap::write_edit(ByteWriter& out, const Edit& edit) const {
  out.u8(static_cast<uint8_t>(edit.kind));
  out.varint(edit.from);
  out.varint(edit.to);
  if (edit.kind == Edit::Kind::Leave) return;
  // A row that came and went within the batch has no key any more; a later step takes it out.
  const query::RowTable& table = rows_.rows();
  out.blob(table.contains(edit.row) ? table.view(edit.row).key : ByteView{});
}

void ClientQueries::FollowedMap::report(client::EventQueue& events) {
  touched_ = false;
  const LiveChanges changes = live_.end_batch();
  for (const RowsDelta& delta : changes.rows) {
    events.push(Event::QueryRows, [&](ByteWriter& out) {
      write_subscriptions(out, delta.subscriptions);
      out.varint(delta.edits.size());
      for (const Edit& edit : delta.edits) write_edit(out, edit);
    });
  }
  for (const GroupsDelta& delta : changes.groups) {
    events.push(Event::QueryGroups, [&](ByteWriter& out) {
      write_subscriptions(out, delta.subscriptions);
      out.varint(delta.edits.size());
      for (const GroupEdit& edit : delta.edits) {
        out.u8(static_cast<uint8_t>(edit.kind));
        out.blob(edit.key);
        out.blob(edit.group);
      }
    });
  }
}

bool ClientQueries::FollowedMap::build(uint64_t handle, client::EventQueue& events) {
  const bool goes_on = rows_.build_step(kBuildRowsMax);
  std::erase_if(building, [&](const std::string& name) {
    const query::Index* const index = rows_.find_index(name);
    if (index == nullptr) return true;
    if (!rows_.is_ready(*index)) return false;
    events.push(Event::IndexReady, [&](ByteWriter& out) {
      out.varint(handle);
      out.blob(as_bytes(name));
    });
    return true;
  });
  return goes_on;
}

ClientQueries::ClientQueries(client::ClientReplica& replica, client::EventQueue& events)
    : replica_(replica), events_(events) {}
ClientQueries::~ClientQueries() = default;

std::unique_ptr<client::QueryPort> ClientQueries::make(client::ClientReplica& replica,
                                                       client::EventQueue& events) {
  return std::make_unique<ClientQueries>(replica, events);
}

Result<void> ClientQueries::execute(Command command, ByteReader& in, ByteWriter& out, Now now) {
  // What was written before is in the answers, and every live query has been told of it.
  report();
  switch (command) {
    case Command::Query:
      return query(in, out, now);
    case Command::SubscribeQuery:
      return subscribe(in, out, now);
    case Command::UnsubscribeQuery:
      return unsubscribe(in);
    case Command::ExplainQuery:
      return explain(in, out, now);
    case Command::AddIndex:
      return add_index(in, now);
    case Command::DropIndex:
      return drop_index(in, now);
    case Command::Indexes:
      return indexes(in, out, now);
    default:
      return Error::UnknownMessage;
  }
}

Result<ClientQueries::FollowedMap*> ClientQueries::take_map(ByteReader& in, Now now) {
  const uint64_t handle = in.varint();
  if (!in.ok()) return in.error();
  const auto found = maps_.find(handle);
  if (found != maps_.end()) return found->second.get();
  client::ClientMap* const map = replica_.map_of(handle);
  if (map == nullptr) return Error::InvalidArgument;
  if (map->kind != MapKind::Lww) return Error::TypeMismatch;
  auto followed = std::make_unique<FollowedMap>(*map, now);
  return maps_.emplace(handle, std::move(followed)).first->second.get();
}

Result<void> ClientQueries::query(ByteReader& in, ByteWriter& out, Now now) {
  const auto map = take_map(in, now);
  if (!map.ok()) return map.error();
  query::Collection& rows = (*map)->rows();
  if (const auto key = query::point_lookup_key(in.rest())) {
    const auto row = rows.find(*key);
    write_rows(out, row ? std::vector<RowId>{*row} : std::vector<RowId>{}, rows.rows());
    out.blob({});
    return {};
  }
  const Result<Query> decoded = query::decode_query(in.rest());
  if (!decoded.ok()) return decoded.error();
  const Result<query::Answer> answer = query::answer(*decoded, rows);
  if (!answer.ok()) return answer.error();
  if (!decoded->is_grouped()) {
    write_rows(out, answer->rows, rows.rows());
    out.blob(answer->cursor);
    return {};
  }
  out.u8(kGroups);
  out.varint(answer->groups.size());
  for (const Bytes& group : answer->groups) out.blob(group);
  return {};
}

Result<void> ClientQueries::subscribe(ByteReader& in, ByteWriter& out, Now now) {
  const uint64_t number = in.varint();
  const auto map = take_map(in, now);
  if (!map.ok()) return map.error();
  if (subscriptions_.find(number) != subscriptions_.end()) return Error::InvalidArgument;
  if (subscriptions_.size() == kSubscriptionsMax) return Error::LimitExceeded;
  const Result<Query> decoded = query::decode_query(in.rest());
  if (!decoded.ok()) return decoded.error();
  LiveQueries& live = (*map)->live();
  const Result<SubscriptionId> id = live.subscribe(*decoded);
  if (!id.ok()) return id.error();
  subscriptions_[number] = {*map, *id};
  (*map)->numbers[*id] = number;
  if (!decoded->is_grouped()) {
    write_rows(out, live.rows(*id), (*map)->rows().rows());
    return {};
  }
  const std::vector<GroupEdit> groups = live.groups_as_edits(*id);
  out.u8(kGroups);
  out.varint(groups.size());
  for (const GroupEdit& group : groups) {
    out.blob(group.key);
    out.blob(group.group);
  }
  return {};
}

Result<void> ClientQueries::unsubscribe(ByteReader& in) {
  const uint64_t number = in.varint();
  const Result<void> done = finish(in);
  if (!done.ok()) return done;
  const auto found = subscriptions_.find(number);
  if (found == subscriptions_.end()) return Error::InvalidArgument;
  const auto [map, id] = found->second;
  map->live().unsubscribe(id);
  map->numbers.erase(id);
  subscriptions_.erase(found);
  return {};
}

Result<void> ClientQueries::explain(ByteReader& in, ByteWriter& out, Now now) {
  const auto map = take_map(in, now);
  if (!map.ok()) return map.error();
  const uint8_t run = in.u8();
  if (!in.ok()) return in.error();
  if (run > static_cast<uint8_t>(query::Run::Analyze)) return Error::InvalidArgument;
  const Result<Query> decoded = query::decode_query(in.rest());
  if (!decoded.ok()) return decoded.error();
  const Result<Bytes> tree = query::explain(*decoded, (*map)->rows(), static_cast<query::Run>(run));
  if (!tree.ok()) return tree.error();
  out.raw(*tree);
  return {};
}

Result<void> ClientQueries::add_index(ByteReader& in, Now now) {
  const auto map = take_map(in, now);
  if (!map.ok()) return map.error();
  const query::IndexDefinition definition = query::read_index_definition(in);
  const Result<void> done = finish(in);
  if (!done.ok()) return done;
  const Result<void> added = (*map)->rows().add_index(definition);
  if (!added.ok()) return added;
  (*map)->building.push_back(definition.name);
  builds_ = true;
  return {};
}

Result<void> ClientQueries::drop_index(ByteReader& in, Now now) {
  const auto map = take_map(in, now);
  if (!map.ok()) return map.error();
  const ByteView name = in.blob(query::kIndexNameBytesMax);
  const Result<void> done = finish(in);
  if (!done.ok()) return done;
  if (!(*map)->rows().drop_index(as_text(name))) return Error::InvalidArgument;
  return {};
}

Result<void> ClientQueries::indexes(ByteReader& in, ByteWriter& out, Now now) {
  const auto map = take_map(in, now);
  if (!map.ok()) return map.error();
  const Result<void> done = finish(in);
  if (!done.ok()) return done;
  const query::Collection& rows = (*map)->rows();
  out.varint(rows.indexes().size());
  for (const auto& index : rows.indexes()) {
    query::write_index_definition(out, index->definition());
    out.u8(rows.is_ready(*index) ? 1 : 0);
    out.varint(index->memory_bytes());
  }
  return {};
}

void ClientQueries::end_turn() {
  report();
  if (!builds_) return;
  builds_ = false;
  for (const auto& [handle, map] : maps_) {
    if (map->build(handle, events_)) builds_ = true;
  }
}

void ClientQueries::report() {
  for (const auto& each : maps_) {
    if (each.second->touched()) each.second->report(events_);
  }
}

}  // namespace topgun::dataflow
