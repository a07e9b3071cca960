#include <malloc.h>

#include "tests/bench/query/orders.hpp"
#include "tests/bench/query/query_bench.hpp"

namespace topgun::bench {
namespace {

using namespace query;
using dataflow::LiveChanges;
using dataflow::LiveQueries;

constexpr uint64_t kStride = 7919;

/// Writes after which answers are compared with those of other engines, which get the same ones.
constexpr uint64_t kComparedWrites = 200;

/// FNV-1a: simple enough to be the same in every language.
class Digest {
 public:
  void add(std::string_view text) {
    for (const char c : text) value_ = (value_ ^ static_cast<uint8_t>(c)) * 16777619u;
    value_ = (value_ ^ 10) * 16777619u;
  }
  uint32_t value() const { return value_; }

 private:
  uint32_t value_ = 2166136261u;
};

uint64_t digest_of_rows(const LiveQueries& live, dataflow::SubscriptionId id) {
  Digest digest;
  for (const RowId row : live.rows(id)) digest.add(as_text(live.collection().rows().view(row).key));
  return digest.value();
}

uint64_t digest_of_groups(const LiveQueries& live, dataflow::SubscriptionId id) {
  Digest digest;
  for (const Bytes& group : live.groups(id)) {
    const ValueView view(group);
    digest.add(std::string(*view.at(0)->as_text()) + ":" + std::to_string(*view.at(1)->as_int()) +
               ":" + std::to_string(*view.at(2)->as_int()));
  }
  return digest.value();
}

uint64_t edits_of(const LiveChanges& changes) {
  uint64_t edits = 0;
  for (const auto& delta : changes.rows) edits += delta.edits.size() * delta.subscriptions.size();
  for (const auto& delta : changes.groups) edits += delta.edits.size() * delta.subscriptions.size();
  return edits;
}

/// The values that orders are overwritten with in turn: those for comparison, and `count` more.
std::vector<Bytes> order_writes(const Options& options, uint64_t count) {
  std::vector<Bytes> values;
  for (uint64_t i = 0; i < kComparedWrites + count; ++i) {
    values.push_back(encode_order(order_of(i * kStride % options.records, i + 1)));
  }
  return values;
}

/// Nanoseconds a write takes, each a batch of its own, and `digest()` after the first few.
template <typename DigestNow>
void time_writes(const Options& options, const char* name, OrderMap& map, LiveQueries& live,
                 DigestNow&& digest_now) {
  uint64_t edits = 0;
  const uint64_t times = std::min<uint64_t>(options.records, 2000);
  std::vector<Bytes> values = order_writes(options, options.rounds * times);
  const auto write = [&](uint64_t i) {
    map.RecordMap::rewrite(i * kStride % options.records, std::move(values[i]),
                           [&](const Write& each) { live.apply(each); });
    edits += edits_of(live.end_batch());
  };
  for (uint64_t i = 0; i < kComparedWrites; ++i) write(i);
  const uint64_t digest = digest_now();
  const double ns =
      median_cpu_ns(options.rounds, times, [&](uint64_t i) { write(kComparedWrites + i); });
  report(name, "TopGun", ns, edits == 0 ? 0 : digest);
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
  const auto id = live.subscribe(query);
  time_writes(options, "a write under one live filter, order and limit 20", map, live,
              [&] { return digest_of_rows(live, *id); });
}

/// One subscription for each value of an attribute, so that each write leaves one window and enters
/// another, however many there are.
void bench_subscriptions(const Options& options, const char* attribute, const char* prefix,
                         uint64_t count, const char* name) {
  OrderMap map(options.records);
  LiveQueries live(map.collection());
  const auto id = live.subscribe(latest_with(attribute, prefix + std::to_string(0)));
  const auto before = mallinfo2().uordblks;
  for (uint64_t i = 1; i < count; ++i) {
    (void)live.subscribe(latest_with(attribute, prefix + std::to_string(i)));
  }
  const auto bytes = static_cast<double>(mallinfo2().uordblks - before);
  report("heap of a live query", name, bytes / static_cast<double>(count - 1), live.graphs());
  time_writes(options, name, map, live, [&] { return digest_of_rows(live, *id); });
}

void bench_group(const Options& options) {
  OrderMap map(options.records);
  LiveQueries live(map.collection());
  Query query;
  query.group_by = {field("status")};
  query.aggregates = {{AggregateKind::Count, {}}, {AggregateKind::Sum, field("quantity")}};
  const auto id = live.subscribe(query);
  time_writes(options, "a write under a live group by of 5 groups", map, live,
              [&] { return digest_of_groups(live, *id); });
}

void bench_hydration(const Options& options) {
  OrderMap map(options.records);
  uint64_t digest = 0;
  const double ns = median_ns(std::min<uint64_t>(options.rounds, 5), 1, [&](uint64_t) {
    LiveQueries live(map.collection());
    Query query;
    query.order = {{field("created"), Direction::Ascending}, {field("id")}};
    const auto id = live.subscribe(query);
    if (digest == 0) digest = digest_of_rows(live, *id);
  });
  report("first answer of a sorted live list of all orders", "TopGun", ns, digest);
}

/// All orders with their customers. A write to an order changes one row, one to a customer those of
/// all their orders.
void bench_join(const Options& options) {
  OrderMap orders(options.records);
  CustomerMap customers;
  dataflow::QueryEngine engine;
  const auto order_id = engine.attach("orders", orders.collection());
  const auto customer_id = engine.attach("customers", customers.collection());
  Query query;
  query.joins = {{JoinKind::Inner, "customers", {{field("customer"), record_key()}}, {}}};
  const auto begin = std::chrono::steady_clock::now();
  const auto id = engine.subscribe("orders", query);
  const std::chrono::duration<double, std::nano> taken = std::chrono::steady_clock::now() - begin;
  report("first answer of a live join of orders and customers", "TopGun", taken.count(),
         engine.rows(*id).size());

  uint64_t edits = 0;
  const uint64_t times = std::min<uint64_t>(options.records, 1000);
  std::vector<Bytes> values = order_writes(options, options.rounds * times);
  const auto write_order = [&](uint64_t i) {
    const uint64_t number = i * kStride % options.records;
    orders.RecordMap::rewrite(number, std::move(values[i]),
                              [&](const Write& write) { engine.apply(*order_id, write); });
    edits += edits_of(engine.end_batch());
  };
  const auto write_customer = [&](uint64_t i) {
    const uint64_t number = i * kStride % CustomerMap::kCustomers;
    customers.rewrite(number, encode_customer(number, i + 1),
                      [&](const Write& write) { engine.apply(*customer_id, write); });
    edits += edits_of(engine.end_batch());
  };
  const auto digest_now = [&] {
    // Each order once; what counts is which customer, of which tier, it has by now.
    uint64_t sum = 0;
    for (const RowId row : engine.rows(*id)) {
      const auto view = engine.row(*id, row);
      Digest digest;
      digest.add(as_text(view->sides[0].key));
      digest.add(as_text(view->sides[1].key));
      digest.add(std::to_string(*ValueView(view->sides[1].value).member("tier")->as_int()));
      sum += digest.value();
    }
    return sum;
  };
  for (uint64_t i = 0; i < kComparedWrites; ++i) write_order(i);
  const uint64_t after_orders = digest_now();
  const double order_ns =
      median_cpu_ns(options.rounds, times, [&](uint64_t i) { write_order(kComparedWrites + i); });
  report("a write to an order under a live join", "TopGun", order_ns, after_orders);
  for (uint64_t i = 0; i < kComparedWrites; ++i) write_customer(i);
  const double customer_ns = median_cpu_ns(
      options.rounds, times, [&](uint64_t i) { write_customer(kComparedWrites + i); });
  report("a write to a customer under a live join", "TopGun", customer_ns, edits > 0 ? times : 0);
}

}  // namespace

void bench_live(const Options& options) {
  bench_window(options);
  bench_subscriptions(options, "zone", "delivery-zone-", 100, "a write under 100 live top 50");
  bench_subscriptions(options, "city", "city-", 1000, "a write under 1,000 live top 50");
  bench_subscriptions(options, "customer", "customer-", 10'000, "a write under 10,000 live top 50");
  bench_group(options);
  bench_hydration(options);
  bench_join(options);
}

}  // namespace topgun::bench
