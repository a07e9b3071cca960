#include <doctest/doctest.h>

#include <algorithm>

#include "core/dataflow/live_queries.hpp"
#include "tests/support/property.hpp"
#include "tests/support/query_world.hpp"
#include "tests/support/random_query.hpp"

namespace topgun::dataflow {
namespace {

using query::Query;
using query::RowId;

/// A subscriber who has nothing but the first answer and the steps since.
struct Subscriber {
  Query query;
  SubscriptionId id = 0;
  std::vector<RowId> rows;
  std::map<Bytes, Bytes> groups;
  std::map<RowId, Bytes> values;  ///< What it last heard of the records that it shows.
};

std::vector<std::string> keys_of(const std::vector<RowId>& rows, const QueryWorld& world) {
  std::vector<std::string> keys;
  for (const RowId row : rows) {
    keys.emplace_back(as_text(world.collection.rows().view(row).key));
  }
  return keys;
}

Bytes value_of(RowId row, const QueryWorld& world) {
  return to_bytes(world.collection.rows().view(row).value);
}

/// The key by which steps name a group, made again from its values.
Bytes group_key(const Query& query, const Bytes& group) {
  Bytes key;
  for (size_t i = 0; i < query.group_by.size(); ++i) {
    query::append_ordered_key(key, ValueView(group).at(i));
  }
  return key;
}

Query live_query(Gen& gen) {
  Query query = random_query(gen);
  if (!query.is_grouped()) return query;
  query.limit = std::nullopt;
  query.offset = 0;
  return query;
}

void subscribe(Subscriber& subscriber, LiveQueries& live, const QueryWorld& world) {
  const auto id = live.subscribe(subscriber.query);
  REQUIRE(id.ok());
  subscriber.id = *id;
  subscriber.rows = live.rows(*id);
  for (const RowId row : subscriber.rows) subscriber.values[row] = value_of(row, world);
  for (const Bytes& group : live.groups(*id)) {
    subscriber.groups[group_key(subscriber.query, group)] = group;
  }
}

bool is_for(const std::vector<SubscriptionId>& subscriptions, SubscriptionId id) {
  return std::find(subscriptions.begin(), subscriptions.end(), id) != subscriptions.end();
}

void hear(Subscriber& subscriber, const LiveChanges& changes, const QueryWorld& world) {
  for (const RowsDelta& delta : changes.rows) {
    if (!is_for(delta.subscriptions, subscriber.id)) continue;
    apply_edits(subscriber.rows, delta.edits);
    for (const Edit& edit : delta.edits) {
      if (world.collection.rows().contains(edit.row)) {
        subscriber.values[edit.row] = value_of(edit.row, world);
      }
    }
  }
  for (const GroupsDelta& delta : changes.groups) {
    if (!is_for(delta.subscriptions, subscriber.id)) continue;
    for (const GroupEdit& edit : delta.edits) {
      const bool is_known = subscriber.groups.count(edit.key) == 1;
      REQUIRE(is_known == (edit.kind != GroupEdit::Kind::Enter));
      if (edit.kind == GroupEdit::Kind::Leave) {
        subscriber.groups.erase(edit.key);
      } else {
        subscriber.groups[edit.key] = edit.group;
      }
    }
  }
}

void check(const Subscriber& subscriber, const LiveQueries& live, const QueryWorld& world) {
  const ModelAnswer expected = model_answer(subscriber.query, world.records());
  if (subscriber.query.is_grouped()) {
    std::vector<Bytes> groups;
    for (const auto& [key, group] : subscriber.groups) groups.push_back(group);
    REQUIRE(groups == live.groups(subscriber.id));
    REQUIRE(same_groups(groups, expected.groups));
    return;
  }
  REQUIRE(subscriber.rows == live.rows(subscriber.id));
  REQUIRE(keys_of(subscriber.rows, world) == expected.keys);
  for (const RowId row : subscriber.rows) {
    REQUIRE(subscriber.values.at(row) == value_of(row, world));
  }
}

void write_batch(Gen& gen, QueryWorld& world, uint64_t writes, uint64_t keys) {
  for (uint64_t i = 0; i < writes; ++i) {
    const std::string key = "k" + std::to_string(gen.below(keys));
    if (gen.chance(1, 4)) {
      world.write(key, std::nullopt);
    } else {
      world.write(key, random_record_value(gen));
    }
  }
}

TEST_CASE("live_queries property: the steps lead to what the query would give, after every batch") {
  for_each_seed(400, [](Gen& gen) {
    QueryWorld world;
    LiveQueries live(world.collection);
    world.apply = [&](const query::Write& write) { return live.apply(write); };
    const uint64_t keys = gen.between(3, 40);
    write_batch(gen, world, gen.below(40), keys);
    (void)live.end_batch();
    std::vector<Subscriber> subscribers;
    for (int batch = 0; batch < 8; ++batch) {
      if (subscribers.size() < 6 || gen.chance(1, 4)) {
        Subscriber& subscriber = subscribers.emplace_back();
        // Now and then the query of somebody else, so that graphs and windows are shared.
        const bool shares = subscribers.size() > 1 && gen.chance(1, 3);
        subscriber.query = shares ? subscribers[0].query : live_query(gen);
        subscribe(subscriber, live, world);
      }
      write_batch(gen, world, gen.below(12), keys);
      const LiveChanges changes = live.end_batch();
      for (Subscriber& subscriber : subscribers) {
        hear(subscriber, changes, world);
        check(subscriber, live, world);
      }
      if (gen.chance(1, 6)) {
        REQUIRE(live.unsubscribe(subscribers.back().id));
        subscribers.pop_back();
      }
    }
    for (const Subscriber& subscriber : subscribers) REQUIRE(live.unsubscribe(subscriber.id));
    CHECK(live.graphs() == 0);
  });
}

}  // namespace
}  // namespace topgun::dataflow
