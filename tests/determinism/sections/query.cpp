#include "core/dataflow/live_queries.hpp"
#include "tests/determinism/trace.hpp"
#include "tests/support/query_world.hpp"
#include "tests/support/random_query.hpp"

namespace topgun::determinism {
namespace {

void add_answer(const query::Query& query, QueryWorld& world, TraceHash& trace) {
  const auto found = query::answer(query, world.collection);
  trace.add(found.ok() ? 0 : static_cast<uint64_t>(found.error()));
  if (!found.ok()) return;
  for (const query::RowId row : found->rows) trace.add(world.collection.rows().view(row).key);
  for (const Bytes& group : found->groups) trace.add(ByteView(group));
  trace.add(ByteView(found->cursor));
  trace.add(found->rows_visited);
}

void add_changes(const dataflow::LiveChanges& changes, TraceHash& trace) {
  for (const dataflow::RowsDelta& delta : changes.rows) {
    for (const dataflow::Edit& edit : delta.edits) {
      trace.add(static_cast<uint64_t>(edit.kind));
      trace.add(uint64_t{edit.from});
      trace.add(uint64_t{edit.to});
    }
  }
  for (const dataflow::GroupsDelta& delta : changes.groups) {
    for (const dataflow::GroupEdit& edit : delta.edits) trace.add(ByteView(edit.group));
  }
}

}  // namespace

/// Sums, averages and orders of all kinds of values; which plan is chosen; what live queries tell.
void play_query(Gen& gen, TraceHash& trace) {
  QueryWorld world;
  dataflow::LiveQueries live(world.collection);
  world.apply = [&](const query::Write& write) { return live.apply(write); };
  for (int i = 0; i < 3; ++i) {
    trace.add(world.collection.add_index(random_index(gen, std::to_string(i))).ok() ? 1 : 0);
  }
  for (int batch = 0; batch < 6; ++batch) {
    query::Query standing = random_query(gen);
    if (standing.is_grouped()) standing.limit = std::nullopt;
    if (standing.is_grouped()) standing.offset = 0;
    const auto id = live.subscribe(standing);
    trace.add(id.ok() ? 1 : 0);
    for (int i = 0; i < 20; ++i) {
      const std::string key = "k" + std::to_string(gen.below(30));
      if (gen.chance(1, 4)) {
        world.write(key, std::nullopt);
      } else {
        world.write(key, random_record_value(gen));
      }
    }
    add_changes(live.end_batch(), trace);
    world.collection.build_step(static_cast<size_t>(gen.below(40)));
    for (int i = 0; i < 10; ++i) add_answer(random_query(gen), world, trace);
  }
}

}  // namespace topgun::determinism
