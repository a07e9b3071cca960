#include <doctest/doctest.h>

#include "core/dataflow/backlog.hpp"
#include "core/dataflow/live_queries.hpp"
#include "tests/support/property.hpp"
#include "tests/support/query_world.hpp"
#include "tests/support/random_query.hpp"

namespace topgun::dataflow {
namespace {

TEST_CASE("backlog property: who comes now and then has what those have who come always") {
  for_each_seed(200, [](Gen& gen) {
    QueryWorld world;
    LiveQueries live(world.collection);
    world.apply = [&](const query::Write& write) { return live.apply(write); };
    query::Query query = random_query(gen);
    if (query.is_grouped()) {
      query.limit = std::nullopt;
      query.offset = 0;
    }
    const SubscriptionId id = *live.subscribe(query);
    Backlog backlog;
    std::vector<query::RowId> rows;
    std::map<Bytes, Bytes> groups;
    for (const GroupEdit& edit : live.groups_as_edits(id)) groups[edit.key] = edit.group;
    for (int batch = 0; batch < 60; ++batch) {
      const uint64_t writes = gen.below(8);
      for (uint64_t i = 0; i < writes; ++i) {
        const std::string key = "k" + std::to_string(gen.below(30));
        const bool removes = gen.chance(1, 4);
        world.write(key, removes ? std::nullopt : std::optional(random_record_value(gen)));
      }
      const LiveChanges changes = live.end_batch();
      for (const RowsDelta& delta : changes.rows) backlog.add(delta.edits, live.rows(id).size());
      for (const GroupsDelta& delta : changes.groups) backlog.add(delta.edits);
      if (!gen.chance(1, 8)) continue;
      const Backlog::Steps steps = backlog.take();
      if (steps.needs_answer) {
        rows = live.rows(id);
      } else {
        apply_edits(rows, steps.edits);
      }
      for (const GroupEdit& edit : steps.groups) {
        const bool is_known = groups.count(edit.key) == 1;
        REQUIRE(is_known == (edit.kind != GroupEdit::Kind::Enter));
        if (edit.kind == GroupEdit::Kind::Leave) {
          groups.erase(edit.key);
        } else {
          groups[edit.key] = edit.group;
        }
      }
      REQUIRE(rows == live.rows(id));
      std::vector<Bytes> shown;
      for (const auto& [key, group] : groups) shown.push_back(group);
      REQUIRE(shown == live.groups(id));
    }
  });
}

}  // namespace
}  // namespace topgun::dataflow
