#include "core/dataflow/client_queries.hpp"

#include "core/base/probe.hpp"
#include "core/value/utf8.hpp"

namespace topgun::dataflow {

using client::Command;
using client::Event;
using query::Query;
using query::RowId;
using query::RowView;

namespace {

/// What stands for a side of a combination.
constexpr uint8_t kAbsent = 0;
constexpr uint8_t kKeyAlone = 1;
constexpr uint8_t kWithValue = 2;

Result<void> finish(const ByteReader& in) {
  if (!in.ok()) return in.error();
  if (!in.at_end()) return Error::Malformed;
  return {};
}

std::string take_name(ByteReader& in) {
  const ByteView name = in.blob(kMapNameBytesMax);
  if (in.ok() && (name.empty() || !is_utf8(name))) in.fail(Error::InvalidArgument);
  return std::string(as_text(name));
}

}  // namespace

/// The rows of one map, kept in step with its records.
class ClientQueries::FollowedMap final : public MapObserver {
 public:
  FollowedMap(ClientQueries& owner, client::ClientMap& map)
      : owner_(owner), map_(map), follower_(map.table, rows_) {}
  ~FollowedMap() override { map_.observer = nullptr; }

  Result<void> start() {
    const auto relation = owner_.engine_.attach(map_.name, rows_);
    if (!relation.ok()) return relation.error();
    relation_ = *relation;
    rows_.reserve(map_.table.size());
    const auto is_shown = [&](const Record& record) {
      return owner_.replica_.is_shown(map_, record);
    };
    follower_.take_shown(is_shown, [&](const query::Write& write) { apply(write); });
    owner_.engine_.end_batch();
    map_.observer = this;
    return {};
  }

  /// Says which record a row is: by its number alone, unless the record was written since the host
  /// was told its key with the number.
  void tell_row(ByteWriter& out, RowId row) {
    if (row >= told_.size()) told_.resize(rows_.rows().row_end());
    const bool is_known = std::exchange(told_[row], 1) != 0;
    out.varint(uint64_t{row} * 2 + (is_known ? 0 : 1));
    if (!is_known) out.blob(rows_.rows().view(row).key);
  }

  std::optional<RowId> find(ByteView key) const { return rows_.find(key); }

  /// The host knows no row by its number any more.
  void forget_told() { told_.clear(); }

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

 private:
  void apply(const query::Write& write) {
    const RowId row = owner_.engine_.apply(relation_, write);
    if (row < told_.size() && !TG_MUTANT(93)) told_[row] = 0;
    owner_.touched_ = true;
  }

  template <typename Condition>
  void erase_if(Condition&& condition) {
    follower_.forget_if(condition, [&](const query::Write& write) { apply(write); });
  }

  ClientQueries& owner_;
  client::ClientMap& map_;
  query::Collection rows_;
  query::RecordFollower follower_;
  RelationId relation_ = {};
  Bytes told_;  ///< For each row 1 if the host knows it by its number.
};

ClientQueries::ClientQueries(client::ClientReplica& replica, client::EventQueue& events)
    : replica_(replica), events_(events) {}
ClientQueries::~ClientQueries() = default;

std::unique_ptr<client::QueryPort> ClientQueries::make(client::ClientReplica& replica,
                                                       client::EventQueue& events) {
  return std::make_unique<ClientQueries>(replica, events);
}

Result<void> ClientQueries::execute(Command command, ByteReader& in, ByteWriter& out, Now) {
  // What was written before is in the answers, and every live query has been told of it.
  if (TG_MUTANT(68) && std::exchange(touched_, false)) (void)engine_.end_batch();
  report();
  switch (command) {
    case Command::Query:
      return query(in, out);
    case Command::SubscribeQuery:
      return subscribe(in, out);
    case Command::UnsubscribeQuery:
      return unsubscribe(in);
    case Command::ExplainQuery:
      return explain(in, out);
    case Command::AddIndex:
      return add_index(in);
    case Command::DropIndex:
      return drop_index(in);
    case Command::Indexes:
      return indexes(in, out);
    case Command::DefineView:
      return define_view(in);
    case Command::DropView:
      return drop_view(in);
    case Command::ForgetRows:
      return forget_rows(in);
    default:
      return Error::UnknownMessage;
  }
}

// --- maps and views by name ---

Result<void> ClientQueries::follow(client::ClientMap* map) {
  if (map == nullptr || map->handle == 0) return Error::InvalidArgument;
  if (map->kind != MapKind::Lww) return Error::TypeMismatch;
  if (maps_.find(map->name) != maps_.end()) return {};
  auto followed = std::make_unique<FollowedMap>(*this, *map);
  const Result<void> started = followed->start();
  if (started.ok()) maps_.emplace(map->name, std::move(followed));
  return started;
}

Result<std::string> ClientQueries::take_relation(ByteReader& in) {
  const uint64_t handle = in.varint();
  if (in.ok() && handle == 0) {
    std::string name = take_name(in);
    if (!in.ok()) return in.error();
    if (!is_view(name)) return Error::InvalidArgument;
    return name;
  }
  if (!in.ok()) return in.error();
  client::ClientMap* const map = replica_.map_of(handle);
  const Result<void> followed = follow(map);
  if (!followed.ok()) return followed.error();
  return map->name;
}

Result<Query> ClientQueries::take_query(ByteReader& in) {
  Result<Query> query = query::decode_query(in.rest());
  if (!query.ok()) return query;
  for (const query::Join& join : query->joins) {
    if (is_view(join.map)) continue;
    const Result<void> followed = follow(replica_.find_map(MapKind::Lww, as_bytes(join.map)));
    if (!followed.ok()) return followed.error();
  }
  return query;
}

bool ClientQueries::is_view(std::string_view relation) const {
  return maps_.find(relation) == maps_.end() && engine_.find(relation) != nullptr;
}

// --- answers ---

ClientQueries::Subscription ClientQueries::shape_of(std::string_view relation,
                                                    const Query& query) const {
  Subscription shape;
  if (query.is_grouped()) {
    shape.rows = Rows::Groups;
  } else if (!query.joins.empty()) {
    shape.rows = Rows::Combinations;
    shape.has_value.push_back(is_view(relation));
    for (const query::Join& join : query.joins) shape.has_value.push_back(is_view(join.map));
  } else if (is_view(relation)) {
    shape.rows = Rows::Records;
  }
  return shape;
}

void ClientQueries::write_row(ByteWriter& out, const Subscription& shape, const RowView& row,
                              size_t sides) {
  if (shape.rows != Rows::Combinations) {
    out.blob(row.key);
    if (shape.rows == Rows::Records) out.blob(row.value);
    return;
  }
  for (size_t side = 0; side < sides; ++side) {
    const RowView& record = row.sides[side];
    const bool has_value = shape.has_value[side];
    out.u8(record.is_absent() ? kAbsent : has_value ? kWithValue : kKeyAlone);
    if (record.is_absent()) continue;
    out.blob(record.key);
    if (has_value) out.blob(record.value);
  }
}

std::vector<RowView> ClientQueries::sides_of(std::string_view relation, const Query& query,
                                             const query::Answer& answer, size_t row) const {
  std::vector<RowView> sides(answer.width);
  for (size_t side = 0; side < answer.width; ++side) {
    const RowId id = answer.rows[row * answer.width + side];
    if (id == query::kNoRow) continue;
    const std::string_view name = side == 0 ? relation : query.joins[side - 1].map;
    sides[side] = engine_.find(name)->rows().view(id);
  }
  return sides;
}

Result<void> ClientQueries::query(ByteReader& in, ByteWriter& out) {
  const Result<std::string> relation = take_relation(in);
  if (!relation.ok()) return relation.error();
  if (const auto key = query::point_lookup_key(in.rest()); key && !is_view(*relation)) {
    FollowedMap& map = *maps_.find(*relation)->second;
    const auto row = map.find(*key);
    out.u8(static_cast<uint8_t>(Rows::Known));
    out.varint(row ? 1 : 0);
    if (row) map.tell_row(out, *row);
    out.blob({});
    return {};
  }
  const Result<Query> query = take_query(in);
  if (!query.ok()) return query.error();
  const Result<query::Answer> answer = engine_.answer(*relation, *query);
  if (!answer.ok()) return answer.error();
  const Subscription shape = shape_of(*relation, *query);
  out.u8(static_cast<uint8_t>(shape.rows));
  if (shape.rows == Rows::Groups) {
    out.varint(answer->groups.size());
    for (const Bytes& group : answer->groups) out.blob(group);
    return {};
  }
  if (shape.rows == Rows::Combinations) out.varint(answer->width);
  const size_t rows = answer->rows.size() / answer->width;
  if (shape.rows == Rows::Known) {
    tell_rows(out, *relation, answer->rows);
  } else {
    out.varint(rows);
    for (size_t i = 0; i < rows; ++i) {
      const std::vector<RowView> sides = sides_of(*relation, *query, *answer, i);
      RowView row = sides[0];
      row.sides = sides.data();
      write_row(out, shape, row, sides.size());
    }
  }
  out.blob(answer->cursor);
  return {};
}

Result<void> ClientQueries::subscribe(ByteReader& in, ByteWriter& out) {
  const uint64_t number = in.varint();
  const Result<std::string> relation = take_relation(in);
  if (!relation.ok()) return relation.error();
  if (ids_.find(number) != ids_.end()) return Error::InvalidArgument;
  if (ids_.size() == kSubscriptionsMax) return Error::LimitExceeded;
  const Result<Query> query = take_query(in);
  if (!query.ok()) return query.error();
  // A live query walks no index, but a wish that no plan can follow is an error here as well.
  if (query->hints != query::Hints{}) {
    const Result<Bytes> plan = engine_.explain(*relation, *query, query::Run::PlanOnly);
    if (!plan.ok()) return plan.error();
  }
  const Result<SubscriptionId> id = engine_.subscribe(*relation, *query);
  if (!id.ok()) return id.error();
  Subscription& shape = subscriptions_[*id];
  shape = shape_of(*relation, *query);
  shape.number = number;
  ids_[number] = *id;
  out.u8(static_cast<uint8_t>(shape.rows));
  if (shape.rows == Rows::Groups) {
    const std::vector<GroupEdit> groups = engine_.groups(*id);
    out.varint(groups.size());
    for (const GroupEdit& group : groups) {
      out.blob(group.key);
      out.blob(group.group);
    }
    return {};
  }
  if (shape.rows == Rows::Combinations) out.varint(query->sides());
  const std::vector<RowId> rows = engine_.rows(*id);
  if (shape.rows == Rows::Known) {
    tell_rows(out, *relation, rows);
    return {};
  }
  out.varint(rows.size());
  for (const RowId row : rows) {
    const auto view = engine_.records(*id, row);
    TG_ASSERT(view.has_value());
    write_row(out, shape, *view, query->sides());
  }
  return {};
}

void ClientQueries::tell_rows(ByteWriter& out, std::string_view relation,
                              const std::vector<RowId>& rows) {
  FollowedMap& map = *maps_.find(relation)->second;
  out.varint(rows.size());
  for (const RowId row : rows) map.tell_row(out, row);
}

Result<void> ClientQueries::unsubscribe(ByteReader& in) {
  const uint64_t number = in.varint();
  const Result<void> done = finish(in);
  if (!done.ok()) return done;
  const auto found = ids_.find(number);
  if (found == ids_.end()) return Error::InvalidArgument;
  engine_.unsubscribe(found->second);
  subscriptions_.erase(found->second);
  ids_.erase(found);
  return {};
}

Result<void> ClientQueries::explain(ByteReader& in, ByteWriter& out) {
  const Result<std::string> relation = take_relation(in);
  if (!relation.ok()) return relation.error();
  const uint8_t run = in.u8();
  if (!in.ok()) return in.error();
  if (run > static_cast<uint8_t>(query::Run::Analyze)) return Error::InvalidArgument;
  const Result<Query> query = take_query(in);
  if (!query.ok()) return query.error();
  const Result<Bytes> tree = engine_.explain(*relation, *query, static_cast<query::Run>(run));
  if (!tree.ok()) return tree.error();
  out.raw(*tree);
  return {};
}

// --- indexes and views ---

Result<void> ClientQueries::add_index(ByteReader& in) {
  const Result<std::string> relation = take_relation(in);
  if (!relation.ok()) return relation.error();
  const query::IndexDefinition definition = query::read_index_definition(in);
  const Result<void> done = finish(in);
  if (!done.ok()) return done;
  const Result<void> added = engine_.add_index(*relation, definition);
  if (added.ok()) builds_.push_back({*relation, definition.name});
  return added;
}

Result<void> ClientQueries::drop_index(ByteReader& in) {
  const Result<std::string> relation = take_relation(in);
  if (!relation.ok()) return relation.error();
  const ByteView name = in.blob(query::kIndexNameBytesMax);
  const Result<void> done = finish(in);
  if (!done.ok()) return done;
  return engine_.drop_index(*relation, as_text(name));
}

Result<void> ClientQueries::indexes(ByteReader& in, ByteWriter& out) {
  const Result<std::string> relation = take_relation(in);
  if (!relation.ok()) return relation.error();
  const Result<void> done = finish(in);
  if (!done.ok()) return done;
  const query::Collection& rows = *engine_.find(*relation);
  out.varint(rows.indexes().size());
  for (const auto& index : rows.indexes()) {
    query::write_index_definition(out, index->definition());
    out.u8(rows.is_ready(*index) ? 1 : 0);
    out.varint(index->memory_bytes());
  }
  return {};
}

Result<void> ClientQueries::define_view(ByteReader& in) {
  const std::string name = take_name(in);
  if (!in.ok()) return in.error();
  const Result<std::string> relation = take_relation(in);
  if (!relation.ok()) return relation.error();
  const Result<Query> query = take_query(in);
  if (!query.ok()) return query.error();
  // A map of this name that nobody has asked yet would never be found again.
  if (replica_.find_map(MapKind::Lww, as_bytes(name)) != nullptr) return Error::InvalidArgument;
  return engine_.define_view(name, *relation, *query);
}

Result<void> ClientQueries::drop_view(ByteReader& in) {
  const std::string name = take_name(in);
  const Result<void> done = finish(in);
  if (!done.ok()) return done;
  if (!is_view(name)) return Error::InvalidArgument;
  const Result<void> dropped = engine_.drop_view(name);
  if (dropped.ok())
    std::erase_if(builds_, [&](const Build& each) { return each.relation == name; });
  return dropped;
}

Result<void> ClientQueries::forget_rows(ByteReader& in) {
  const Result<std::string> relation = take_relation(in);
  if (!relation.ok()) return relation.error();
  const Result<void> done = finish(in);
  if (!done.ok()) return done;
  const auto map = maps_.find(*relation);
  if (map == maps_.end()) return Error::InvalidArgument;
  map->second->forget_told();
  return {};
}

// --- turns ---

void ClientQueries::end_turn() {
  report();
  if (builds_.empty()) return;
  engine_.build_step(kBuildRowsMax);
  std::erase_if(builds_, [&](const Build& build) {
    const query::Collection* const rows = engine_.find(build.relation);
    const query::Index* const index = rows == nullptr ? nullptr : rows->find_index(build.index);
    if (index == nullptr) return true;
    if (!rows->is_ready(*index)) return false;
    events_.push(Event::IndexReady, [&](ByteWriter& out) {
      out.blob(as_bytes(build.relation));
      out.blob(as_bytes(build.index));
    });
    return true;
  });
}

void ClientQueries::report() {
  if (!touched_) return;
  touched_ = false;
  const LiveChanges changes = engine_.end_batch();
  for (const RowsDelta& delta : changes.rows) report_rows(delta);
  for (const GroupsDelta& delta : changes.groups) {
    events_.push(Event::QueryGroups, [&](ByteWriter& out) {
      out.varint(delta.subscriptions.size());
      for (const SubscriptionId id : delta.subscriptions) out.varint(subscriptions_[id].number);
      out.varint(delta.edits.size());
      for (const GroupEdit& edit : delta.edits) {
        out.u8(static_cast<uint8_t>(edit.kind));
        out.blob(edit.key);
        out.blob(edit.group);
      }
    });
  }
}

void ClientQueries::report_rows(const RowsDelta& delta) {
  // Those who see the same have asked the same of the same maps.
  const SubscriptionId any = delta.subscriptions.front();
  events_.push(Event::QueryRows, [&](ByteWriter& out) {
    out.varint(delta.subscriptions.size());
    for (const SubscriptionId id : delta.subscriptions) out.varint(subscriptions_[id].number);
    out.varint(delta.edits.size());
    for (const Edit& edit : delta.edits) write_edit(out, any, edit);
  });
}

void ClientQueries::write_edit(ByteWriter& out, SubscriptionId id, const Edit& edit) {
  out.u8(static_cast<uint8_t>(edit.kind));
  out.varint(edit.from);
  out.varint(edit.to);
  if (edit.kind == Edit::Kind::Leave) return;
  // A row that came and went within the batch is no more; a later step takes it out.
  const auto row = engine_.records(id, edit.row);
  out.u8(row.has_value() ? 1 : 0);
  if (!row.has_value()) return;
  const Subscription& shape = subscriptions_[id];
  write_row(out, shape, *row, shape.has_value.size());
}

}  // namespace topgun::dataflow
