#include <malloc.h>

#include "tests/bench/query/orders.hpp"
#include "tests/bench/query/query_bench.hpp"

namespace topgun::bench {
namespace {

using namespace query;
using dataflow::LiveChanges;
using dataflow::LiveQueries;

constexpr uint64_t kStride = 7919;

uint64_t edits_of(const LiveChanges& changes) {
  uint64_t edits = 0;
  for (const auto& delta : changes.rows) edits += delta.edits.size() * delta.subscriptions.size();
  for (const auto& delta : changes.groups) edits += delta.edits.size() * delta.subscriptions.size();
  return edits;
}

/// Nanoseconds a write takes, each a batch of its own; the versions go on from `version`.
void time_writes(const Options& options, const char* name, OrderMap& map, LiveQueries& live) {
  uint64_t edits = 0;
  const uint64_t times = std::min<uint64_t>(options.records, 2000);
  uint64_t version = 0;
  const double ns = median_ns(options.rounds, times, [&](uint64_t i) {
    map.rewrite(i * kStride % options.records, ++version, live);
    edits += edits_of(live.end_batch());
  });
  report(name, "TopGun", ns, edits);
}

/// The 50 latest orders that have `value`.
Query latest_with(const char* attribute, const std::string& value) {
  Query query;
  query.where = equal_to(field(attribute), text_value(value));
  query.order = {{field("created"), Direction::Descending}};
  query.limit = 50;
  return query;
}

void bench_window(const Options& options) {
  OrderMap map(options.records);
  LiveQueries live(map.collection());
  Query query;
  // Half of the orders: ages are even in 18 to 97.
  query.where = greater_than(field("age"), number_value(57));
  query.order = {{field("created"), Direction::Descending}};
  query.limit = 20;
  (void)live.subscribe(query);
  time_writes(options, "a write under one live filter, order and limit 20", map, live);
}

/// One subscription for each value of an attribute, so that each write leaves one window and enters
/// another, however many there are.
void bench_subscriptions(const Options& options, const char* attribute, const char* prefix,
                         uint64_t count, const char* name) {
  OrderMap map(options.records);
  LiveQueries live(map.collection());
  (void)live.subscribe(latest_with(attribute, prefix + std::to_string(0)));
  const auto before = mallinfo2().uordblks;
  for (uint64_t i = 1; i < count; ++i) {
    (void)live.subscribe(latest_with(attribute, prefix + std::to_string(i)));
  }
  const auto bytes = static_cast<double>(mallinfo2().uordblks - before);
  report("heap of a live query", name, bytes / static_cast<double>(count - 1), live.graphs());
  time_writes(options, name, map, live);
}

void bench_group(const Options& options) {
  OrderMap map(options.records);
  LiveQueries live(map.collection());
  Query query;
  query.group_by = {field("status")};
  query.aggregates = {{AggregateKind::Count, {}}, {AggregateKind::Sum, field("amount")}};
  (void)live.subscribe(query);
  time_writes(options, "a write under a live group by of 5 groups", map, live);
}

void bench_hydration(const Options& options) {
  OrderMap map(options.records);
  uint64_t rows = 0;
  const double ns = median_ns(std::min<uint64_t>(options.rounds, 5), 1, [&](uint64_t) {
    LiveQueries live(map.collection());
    Query query;
    query.order = {{field("created"), Direction::Ascending}};
    const auto id = live.subscribe(query);
    rows = live.rows(*id).size();
  });
  report("first answer of a sorted live list of all orders", "TopGun", ns, rows);
}

}  // namespace

void bench_live(const Options& options) {
  bench_window(options);
  bench_subscriptions(options, "zone", "delivery-zone-", 100, "a write under 100 live top 50");
  bench_subscriptions(options, "city", "city-", 1000, "a write under 1,000 live top 50");
  bench_subscriptions(options, "customer", "customer-", 10'000, "a write under 10,000 live top 50");
  bench_group(options);
  bench_hydration(options);
}

}  // namespace topgun::bench
