#include <doctest/doctest.h>

#include <algorithm>

#include "core/dataflow/live_queries.hpp"
#include "core/query/record_follower.hpp"
#include "tests/support/property.hpp"
#include "tests/support/query_world.hpp"
#include "tests/support/random_query.hpp"
#include "tests/support/records.hpp"

namespace topgun::query {
namespace {

/// A replica's map with live queries, and all records that anybody ever wrote to it.
struct Replica {
  Slab slab;
  RecordTable table{MapKind::Lww, slab};
  Collection collection;
  dataflow::LiveQueries live{collection};
  RecordFollower follower{table, collection};
  std::map<std::string, OwnedRecord> latest;
};

OwnedRecord random_record(Gen& gen, uint64_t now_ms) {
  OwnedRecord record;
  record.key = "k" + std::to_string(gen.below(12));
  const uint64_t ms = now_ms - gen.below(40);
  const uint64_t counter = gen.below(2);
  record.stamp.time = stamp_time(ms, static_cast<uint16_t>(counter));
  record.stamp.replica = {1 + gen.below(3)};
  record.tombstone = gen.chance(1, 4);
  if (record.tombstone) return record;
  if (gen.chance(1, 3)) record.ttl_ms = gen.between(1, 60);
  record.value = text_of(random_record_value(gen));
  return record;
}

/// The records that a reader sees, as the rule of the map alone says.
std::map<std::string, Bytes> visible(const Replica& replica, uint64_t now_ms) {
  std::map<std::string, Bytes> records;
  for (const auto& [key, record] : replica.latest) {
    if (record.view().visible(now_ms)) records[key] = to_bytes(as_bytes(record.value));
  }
  return records;
}

std::vector<std::string> keys_of(const std::vector<RowId>& rows, const Collection& collection) {
  std::vector<std::string> keys;
  for (const RowId row : rows) keys.emplace_back(as_text(collection.rows().view(row).key));
  return keys;
}

TEST_CASE("record_follower property: queries see what merging leaves, in whatever order it came") {
  for_each_seed(300, [](Gen& gen) {
    Replica replica;
    const auto apply = [&](const Write& write) { replica.live.apply(write); };
    REQUIRE(replica.collection.add_index(random_index(gen, "i")).ok());
    Query standing = random_query(gen);
    standing.group_by.clear();
    standing.aggregates.clear();
    const auto id = replica.live.subscribe(standing);
    REQUIRE(id.ok());
    std::vector<RowId> shown = replica.live.rows(*id);
    std::vector<OwnedRecord> sent;
    uint64_t now_ms = 1'000'000;
    for (int batch = 0; batch < 12; ++batch) {
      now_ms += gen.below(30);
      const uint64_t records = gen.below(8);
      for (uint64_t i = 0; i < records; ++i) {
        // Late, early, and again.
        if (sent.empty() || gen.chance(4, 5)) sent.push_back(random_record(gen, now_ms));
        const size_t which = gen.chance(1, 4) ? gen.below(sent.size()) : sent.size() - 1;
        const OwnedRecord& record = sent[which];
        merge_followed(replica.table, replica.follower, record.view(), now_ms, apply);
        const auto known = replica.latest.find(record.key);
        if (known == replica.latest.end() ||
            merge_lww(known->second.view(), record.view()) == MergeWinner::Incoming) {
          replica.latest[record.key] = record;
        }
      }
      for (const auto& [key, record] : replica.latest) {
        replica.follower.expire(as_bytes(key), now_ms, apply);
      }
      dataflow::LiveChanges changes = replica.live.end_batch();
      for (const dataflow::RowsDelta& delta : changes.rows) apply_edits(shown, delta.edits);

      const std::map<std::string, Bytes> records_seen = visible(replica, now_ms);
      REQUIRE(replica.collection.rows().size() == records_seen.size());
      CHECK(keys_of(shown, replica.collection) == model_answer(standing, records_seen).keys);
      const Query query = random_query(gen);
      const auto found = answer(query, replica.collection);
      REQUIRE(found.ok());
      const ModelAnswer expected = model_answer(query, records_seen);
      if (query.is_grouped()) {
        CHECK(same_groups(found->groups, expected.groups));
      } else {
        CHECK(keys_of(found->rows, replica.collection) == expected.keys);
      }
    }
  });
}

}  // namespace
}  // namespace topgun::query
