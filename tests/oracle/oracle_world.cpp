#include "tests/oracle/oracle_world.hpp"

#include <algorithm>

#include "tests/support/query_model.hpp"

namespace topgun::oracle {

using namespace query;
using dataflow::Edit;
using dataflow::GroupEdit;
using dataflow::LiveChanges;

namespace {

bool same_value(const Bytes& left, const Bytes& right) { return model_order(left, right) == 0; }

bool same_groups(const std::vector<Bytes>& left, const std::vector<Bytes>& right) {
  return std::equal(left.begin(), left.end(), right.begin(), right.end(), same_value);
}

bool same_rows(const std::vector<NaiveRow>& left, const std::vector<NaiveRow>& right) {
  return std::equal(left.begin(), left.end(), right.begin(), right.end(),
                    [](const NaiveRow& a, const NaiveRow& b) {
                      return a.keys == b.keys && same_value(a.value, b.value);
                    });
}

bool same_keys(const std::vector<NaiveRow>& left, const std::vector<NaiveRow>& right) {
  return std::equal(left.begin(), left.end(), right.begin(), right.end(),
                    [](const NaiveRow& a, const NaiveRow& b) { return a.keys == b.keys; });
}

std::optional<std::string> key_text(const RowView& record) {
  if (record.is_absent()) return std::nullopt;
  return std::string(as_text(record.key));
}

NaiveRow row_of(const Query& query, const RowView& view) {
  NaiveRow row;
  if (view.sides == nullptr) {
    row.keys.push_back(key_text(view));
  } else {
    for (size_t side = 0; side < query.sides(); ++side) {
      row.keys.push_back(query.has_side(side) ? key_text(view.sides[side]) : std::nullopt);
    }
  }
  row.value = select_value(query, view);
  return row;
}

std::string describe(const char* what, const std::string& map, const Query& query) {
  std::string text = std::string(what) + " on " + map + ": " + predicate_text(query.where);
  for (const Join& join : query.joins) {
    text += " join " + std::to_string(static_cast<int>(join.kind)) + " " + join.map + " on";
    for (const JoinPair& on : join.on) {
      text += " " + attribute_text(on.left) + "=" + attribute_text(on.right);
    }
    text += " where " + predicate_text(join.where);
  }
  for (const OrderPart& part : query.order) text += " order " + attribute_text(part.attribute);
  if (query.limit) text += " limit " + std::to_string(*query.limit);
  if (query.offset != 0) text += " offset " + std::to_string(query.offset);
  for (const Attribute& each : query.select) text += " select " + attribute_text(each);
  for (const Attribute& each : query.group_by) text += " group by " + attribute_text(each);
  for (const Aggregate& each : query.aggregates) {
    text += " agg " + std::to_string(static_cast<int>(each.kind)) + attribute_text(each.attribute);
  }
  return text;
}

}  // namespace

OracleWorld::OracleWorld(Gen& gen, Flavour flavour, SecondOpinion* opinion, Counts& counts)
    : gen_(gen), flavour_(flavour), opinion_(opinion), counts_(counts) {
  for (const char* const name : {"a", "b", "c"}) {
    auto map = std::make_unique<Map>();
    map->name = name;
    map->id = *engine_.attach(name, map->collection);
    maps_.push_back(std::move(map));
  }
  ++counts_.worlds;
}

OracleWorld::~OracleWorld() = default;

// --- history ---

Record OracleWorld::Written::view() const {
  Record record;
  record.key = as_bytes(key);
  record.stamp = stamp;
  record.ttl_ms = ttl_ms;
  record.tombstone = tombstone;
  record.value = value;
  return record;
}

OracleWorld::Written OracleWorld::random_write() {
  Written written;
  written.key = "k" + std::to_string(gen_.below(7));
  const uint64_t ms = now_ms_ - gen_.below(40);
  const uint64_t counter = gen_.below(2);
  written.stamp.time = stamp_time(ms, static_cast<uint16_t>(counter));
  written.stamp.replica = {1 + gen_.below(3)};
  written.tombstone = gen_.chance(1, 4);
  if (written.tombstone) return written;
  if (gen_.chance(1, 4)) written.ttl_ms = gen_.between(1, 60);
  written.value = random_record(gen_, flavour_);
  return written;
}

void OracleWorld::write_batch() {
  now_ms_ += gen_.below(30);
  const uint64_t writes = gen_.below(7);
  for (uint64_t i = 0; i < writes; ++i) {
    // Late, early, and again.
    if (sent_.empty() || gen_.chance(4, 5)) {
      const uint64_t to = gen_.below(maps_.size());
      sent_.emplace_back(static_cast<size_t>(to), random_write());
    }
    const size_t again = static_cast<size_t>(gen_.below(sent_.size()));
    const auto& [to, written] = gen_.chance(1, 4) ? sent_[again] : sent_.back();
    Map& map = *maps_[to];
    const auto apply = [&](const Write& write) { engine_.apply(map.id, write); };
    merge_followed(map.table, map.follower, written.view(), now_ms_, apply);
    const auto known = map.latest.find(written.key);
    if (known == map.latest.end() ||
        merge_lww(known->second.view(), written.view()) == MergeWinner::Incoming) {
      map.latest[written.key] = written;
    }
  }
  for (const auto& map : maps_) {
    const auto apply = [&](const Write& write) { engine_.apply(map->id, write); };
    for (const auto& [key, written] : map->latest) {
      map->follower.expire(as_bytes(key), now_ms_, apply);
    }
  }
}

void OracleWorld::refresh_models() {
  for (const auto& map : maps_) {
    map->visible.clear();
    for (const auto& [key, written] : map->latest) {
      if (written.view().visible(now_ms_)) map->visible[key] = written.value;
    }
    if (opinion_ != nullptr) opinion_->load(map->name, map->visible);
  }
  for (ViewModel& view : views_) {
    view.records = naive_view(view.query, sides_of(view.map, view.query));
  }
}

// --- plans ---

std::vector<std::string> OracleWorld::relation_names() const {
  std::vector<std::string> names;
  for (const auto& map : maps_) names.push_back(map->name);
  for (const ViewModel& view : views_) names.push_back(view.name);
  return names;
}

const Records& OracleWorld::records_of(std::string_view name) const {
  for (const auto& map : maps_) {
    if (map->name == name) return map->visible;
  }
  const auto view = std::find_if(views_.begin(), views_.end(),
                                 [&](const ViewModel& each) { return each.name == name; });
  TG_ASSERT(view != views_.end());
  return view->records;
}

std::vector<const Records*> OracleWorld::sides_of(const std::string& map,
                                                  const Query& query) const {
  std::vector<const Records*> sides = {&records_of(map)};
  for (const Join& join : query.joins) sides.push_back(&records_of(join.map));
  return sides;
}

void OracleWorld::define_view() {
  ViewModel view;
  view.name = "view" + std::to_string(++names_);
  const std::vector<std::string> names = relation_names();
  view.map = gen_.pick(names);
  view.query = random_plan(gen_, flavour_, Use::Live, names);
  const auto defined = engine_.define_view(view.name, view.map, view.query);
  TG_ASSERT(defined.ok());
  view.records = naive_view(view.query, sides_of(view.map, view.query));
  views_.push_back(std::move(view));
}

void OracleWorld::subscribe() {
  Subscriber subscriber;
  const std::vector<std::string> names = relation_names();
  const bool shares = !subscribers_.empty() && gen_.chance(1, 4);
  subscriber.map = gen_.pick(names);
  subscriber.query = random_plan(gen_, flavour_, Use::Live, names);
  if (shares) {
    subscriber.map = subscribers_[0].map;
    subscriber.query = subscribers_[0].query;
  }
  const auto id = engine_.subscribe(subscriber.map, subscriber.query);
  TG_ASSERT(id.ok());
  subscriber.id = *id;
  subscriber.rows = engine_.rows(*id);
  for (const RowId row : subscriber.rows) read_row(subscriber, row);
  for (const GroupEdit& edit : engine_.groups(*id)) subscriber.groups[edit.key] = edit.group;
  subscribers_.push_back(std::move(subscriber));
}

void OracleWorld::change_plans() {
  if (views_.size() < 2 || gen_.chance(1, 30)) define_view();
  if (subscribers_.size() < 3 || gen_.chance(1, 10)) subscribe();
  if (subscribers_.size() > 1 && gen_.chance(1, 8)) {
    const size_t which = static_cast<size_t>(gen_.below(subscribers_.size()));
    const bool gone = engine_.unsubscribe(subscribers_[which].id);
    TG_ASSERT(gone);
    subscribers_.erase(subscribers_.begin() + static_cast<ptrdiff_t>(which));
  }
  if (gen_.chance(1, 8)) {
    const std::vector<std::string> names = relation_names();
    const std::string on = gen_.pick(names);
    const std::string name = "i" + std::to_string(++names_);
    if (engine_.find(on)->indexes().size() < 4) {
      const auto added = engine_.add_index(on, random_plan_index(gen_, flavour_, name));
      TG_ASSERT(added.ok());
    }
  }
  if (gen_.chance(1, 2)) {
    const uint64_t rows = gen_.below(20);
    engine_.build_step(static_cast<size_t>(rows));
  }
  // The last view, unless somebody looks at it.
  if (!views_.empty() && gen_.chance(1, 12)) {
    const std::string name = views_.back().name;
    std::erase_if(subscribers_, [&](const Subscriber& each) {
      if (each.map != name || !each.query.joins.empty()) return false;
      const bool gone = engine_.unsubscribe(each.id);
      TG_ASSERT(gone);
      return true;
    });
    if (engine_.drop_view(name).ok()) views_.pop_back();
  }
}

// --- comparisons ---

void OracleWorld::read_row(Subscriber& subscriber, RowId row) {
  const auto view = engine_.row(subscriber.id, row);
  if (view) subscriber.heard[row] = row_of(subscriber.query, *view);
}

void OracleWorld::hear(Subscriber& subscriber, const LiveChanges& changes) {
  const auto is_for = [&](const std::vector<dataflow::SubscriptionId>& subscriptions) {
    return std::find(subscriptions.begin(), subscriptions.end(), subscriber.id) !=
           subscriptions.end();
  };
  for (const dataflow::RowsDelta& delta : changes.rows) {
    if (!is_for(delta.subscriptions)) continue;
    dataflow::apply_edits(subscriber.rows, delta.edits);
    for (const Edit& edit : delta.edits) read_row(subscriber, edit.row);
  }
  for (const dataflow::GroupsDelta& delta : changes.groups) {
    if (!is_for(delta.subscriptions)) continue;
    for (const GroupEdit& edit : delta.edits) {
      if (edit.kind == GroupEdit::Kind::Leave) {
        subscriber.groups.erase(edit.key);
      } else {
        subscriber.groups[edit.key] = edit.group;
      }
    }
  }
}

std::string OracleWorld::check_view(const ViewModel& view) {
  const Collection& collection = *engine_.find(view.name);
  bool same = collection.rows().size() == view.records.size();
  for (const auto& [key, value] : view.records) {
    const auto row = collection.find(as_bytes(key));
    same = same && row && same_value(to_bytes(collection.rows().view(*row).value), value);
  }
  return same ? "" : describe("view", view.map, view.query);
}

std::string OracleWorld::check_live(const Subscriber& subscriber) {
  ++counts_.live;
  const NaiveAnswer expected =
      naive_answer(subscriber.query, sides_of(subscriber.map, subscriber.query));
  std::vector<NaiveRow> rows;
  for (const RowId row : subscriber.rows) rows.push_back(subscriber.heard.at(row));
  std::vector<Bytes> groups;
  for (const auto& [key, group] : subscriber.groups) groups.push_back(group);
  std::vector<Bytes> kept;
  for (const GroupEdit& edit : engine_.groups(subscriber.id)) kept.push_back(edit.group);
  if (subscriber.rows != engine_.rows(subscriber.id) || groups != kept) {
    return describe("steps", subscriber.map, subscriber.query);
  }
  if (!same_rows(rows, expected.rows) || !same_groups(groups, expected.groups)) {
    return describe("live", subscriber.map, subscriber.query);
  }
  return check_opinion(subscriber.map, subscriber.query, expected);
}

std::string OracleWorld::check_answer(const std::string& map, const Query& query) {
  ++counts_.answers;
  const NaiveAnswer expected = naive_answer(query, sides_of(map, query));
  const auto answer = engine_.answer(map, query);
  TG_ASSERT(answer.ok());
  std::vector<const Collection*> sides = {engine_.find(map)};
  for (const Join& join : query.joins) sides.push_back(engine_.find(join.map));
  std::vector<NaiveRow> rows;
  for (size_t at = 0; at < answer->rows.size(); at += answer->width) {
    NaiveRow& row = rows.emplace_back();
    for (size_t side = 0; side < answer->width; ++side) {
      const RowId number = answer->rows[at + side];
      row.keys.push_back(number == kNoRow ? std::nullopt
                                          : key_text(sides[side]->rows().view(number)));
    }
    for (const auto& key : row.keys) digest_.add(as_bytes(key.value_or("-")));
  }
  for (const Bytes& group : answer->groups) digest_.add(group);
  if (!same_keys(rows, expected.rows) || !same_groups(answer->groups, expected.groups)) {
    return describe("answer", map, query);
  }
  return check_opinion(map, query, expected);
}

std::string OracleWorld::check_opinion(const std::string& map, const Query& query,
                                       const NaiveAnswer& expected) {
  if (opinion_ == nullptr) return "";
  const auto theirs = opinion_->ask(map, query);
  if (!theirs) return "";
  ++counts_.sqlite;
  const bool same =
      same_keys(theirs->rows, expected.rows) && same_groups(theirs->groups, expected.groups);
  return same ? "" : describe("sqlite", map, query);
}

std::string OracleWorld::run_batch() {
  ++counts_.batches;
  change_plans();
  write_batch();
  const LiveChanges changes = engine_.end_batch();
  refresh_models();
  for (const ViewModel& view : views_) {
    if (std::string difference = check_view(view); !difference.empty()) return difference;
  }
  for (Subscriber& subscriber : subscribers_) {
    hear(subscriber, changes);
    if (std::string difference = check_live(subscriber); !difference.empty()) return difference;
  }
  const std::vector<std::string> names = relation_names();
  for (int i = 0; i < 2; ++i) {
    const std::string map = gen_.pick(names);
    const Query query = random_plan(gen_, flavour_, Use::Once, names);
    if (std::string difference = check_answer(map, query); !difference.empty()) return difference;
  }
  return "";
}

}  // namespace topgun::oracle
