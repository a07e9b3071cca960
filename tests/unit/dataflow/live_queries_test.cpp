#include "core/dataflow/live_queries.hpp"

#include <doctest/doctest.h>

#include <map>

#include "core/value/value_writer.hpp"

/// What other engines got wrong in public, as tests: groups that do not come back once they were
/// empty, lists that come up short after a removal, sums that drift, a removal and an insertion of
/// one key in one batch.

namespace topgun::dataflow {
namespace {

using query::AggregateKind;
using query::Query;

/// `{"g": group, "n": number}`
Bytes record(std::string_view group, double number) {
  Bytes out;
  ValueWriter writer(out);
  writer.begin_map(2);
  writer.key("g");
  writer.text(group);
  writer.key("n");
  writer.number(number);
  return out;
}

class LiveMap {
 public:
  query::Collection collection;
  LiveQueries live{collection};

  void set(const std::string& key, Bytes value) {
    const Bytes before = records_.count(key) == 1 ? records_[key] : Bytes{};
    query::Write write;
    write.row = collection.find(as_bytes(key));
    if (write.row) write.before = before;
    records_[key] = std::move(value);
    write.key = as_bytes(records_.find(key)->first);
    write.after = records_[key];
    live.apply(write);
  }

  void remove(const std::string& key) {
    query::Write write;
    write.row = collection.find(as_bytes(key));
    write.key = as_bytes(key);
    write.before = records_[key];
    live.apply(write);
    records_.erase(key);
  }

  std::string keys(SubscriptionId id) const {
    std::string all;
    for (const query::RowId row : live.rows(id)) {
      all += as_text(collection.rows().view(row).key);
    }
    return all;
  }

 private:
  std::map<std::string, Bytes> records_;
};

Query count_and_sum() {
  Query query;
  query.group_by = {query::field("g")};
  query.aggregates = {{AggregateKind::Count, {}}, {AggregateKind::Sum, query::field("n")}};
  return query;
}

double sum_of(const Bytes& group) { return ValueView(group).at(2)->as_double().value(); }

TEST_CASE("live_queries: a group that was emptied comes back") {
  LiveMap map;
  const SubscriptionId id = *map.live.subscribe(count_and_sum());
  map.set("a", record("x", 1));
  CHECK(map.live.end_batch().groups[0].edits[0].kind == GroupEdit::Kind::Enter);
  map.remove("a");
  CHECK(map.live.end_batch().groups[0].edits[0].kind == GroupEdit::Kind::Leave);
  CHECK(map.live.groups(id).empty());
  map.set("b", record("x", 5));
  CHECK(map.live.end_batch().groups[0].edits[0].kind == GroupEdit::Kind::Enter);
  REQUIRE(map.live.groups(id).size() == 1);
  CHECK(sum_of(map.live.groups(id)[0]) == 5);
}

TEST_CASE("live_queries: the count of nothing is zero, and stays an answer") {
  LiveMap map;
  Query query;
  query.aggregates = {{AggregateKind::Count, {}}};
  const SubscriptionId id = *map.live.subscribe(query);
  REQUIRE(map.live.groups(id).size() == 1);
  CHECK(ValueView(map.live.groups(id)[0]).at(0)->as_int() == 0);
  map.set("a", record("x", 1));
  CHECK(map.live.end_batch().groups[0].edits[0].kind == GroupEdit::Kind::Update);
  map.remove("a");
  CHECK(map.live.end_batch().groups[0].edits[0].kind == GroupEdit::Kind::Update);
}

TEST_CASE("live_queries: a window is filled again when rows leave it") {
  LiveMap map;
  Query query;
  query.order = {{query::field("n"), query::Direction::Descending}};
  query.limit = 2;
  const SubscriptionId id = *map.live.subscribe(query);
  for (const char* key : {"a", "b", "c", "d"}) map.set(key, record("x", key[0]));
  (void)map.live.end_batch();
  CHECK(map.keys(id) == "dc");
  map.remove("d");
  map.remove("c");
  const LiveChanges changes = map.live.end_batch();
  CHECK(map.keys(id) == "ba");
  REQUIRE(changes.rows.size() == 1);
  CHECK(changes.rows[0].edits.size() == 4);
}

TEST_CASE("live_queries: a row that moves within its window is one step") {
  LiveMap map;
  Query query;
  query.order = {{query::field("n")}};
  query.limit = 3;
  const SubscriptionId id = *map.live.subscribe(query);
  for (const char* key : {"a", "b", "c", "d"}) map.set(key, record("x", key[0]));
  (void)map.live.end_batch();
  map.set("a", record("x", 'b' + 0.5));
  const LiveChanges changes = map.live.end_batch();
  CHECK(map.keys(id) == "bac");
  const query::RowId row = map.collection.find(as_bytes("a")).value();
  CHECK(changes.rows[0].edits == std::vector<Edit>{{Edit::Kind::Move, row, 0, 1}});
}

TEST_CASE("live_queries: a sum does not remember what has gone") {
  LiveMap map;
  const SubscriptionId id = *map.live.subscribe(count_and_sum());
  map.set("small", record("x", 0.1));
  map.set("large", record("x", 1e17));
  (void)map.live.end_batch();
  map.remove("large");
  (void)map.live.end_batch();
  CHECK(sum_of(map.live.groups(id)[0]) == 0.1);
}

TEST_CASE(
    "live_queries: a key removed and written again in one batch is another row in its place") {
  LiveMap map;
  Query query;
  const SubscriptionId id = *map.live.subscribe(query);
  map.set("a", record("x", 1));
  (void)map.live.end_batch();
  std::vector<query::RowId> shown = map.live.rows(id);
  map.remove("a");
  map.set("a", record("x", 2));
  const LiveChanges changes = map.live.end_batch();
  apply_edits(shown, changes.rows[0].edits);
  CHECK(shown == map.live.rows(id));
  CHECK(map.keys(id) == "a");
}

TEST_CASE("live_queries: a batch that changes nothing that is seen says nothing") {
  LiveMap map;
  Query query;
  query.where = query::equal_to(query::field("g"), [] {
    Bytes out;
    ValueWriter(out).text("y");
    return out;
  }());
  (void)map.live.subscribe(query);
  map.set("a", record("x", 1));
  CHECK(map.live.end_batch().empty());
}

}  // namespace
}  // namespace topgun::dataflow
