// usage: topgun-query-bench [--records=<n>] [--rounds=<n>] [--only=batch|live|data]
//
// Times queries over a map of orders beside SQLite in memory, and live ones. A JSON line for each
// case and contender: case, who, ns (a median), and a digest of what was found. `--only=data`
// prints the orders instead, and then what they are overwritten with in turn, for other engines: an
// array of fields a line.

#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "tests/bench/query/orders.hpp"
#include "tests/bench/query/query_bench.hpp"

namespace topgun::bench {

void report(std::string_view name, std::string_view who, double ns, uint64_t digest) {
  std::printf("{\"case\":\"%.*s\",\"who\":\"%.*s\",\"ns\":%.1f,\"digest\":%" PRIu64 "}\n",
              static_cast<int>(name.size()), name.data(), static_cast<int>(who.size()), who.data(),
              ns, digest);
  std::fflush(stdout);
}

namespace {

void print_order(const Order& order) {
  std::printf("[\"%s\",\"%s\",\"%s\",\"%s\",\"%s\",%" PRId64 ",%" PRId64 ",%.2f,%" PRId64 "]\n",
              order.id.c_str(), order.city.c_str(), order.status.c_str(), order.customer.c_str(),
              order.zone.c_str(), order.age, order.quantity, order.amount, order.created);
}

void print_data(const Options& options) {
  constexpr uint64_t kWrites = 4000;
  for (uint64_t i = 0; i < options.records; ++i) print_order(order_of(i));
  for (uint64_t i = 0; i < kWrites; ++i) print_order(order_of(i * 7919 % options.records, i + 1));
}

bool read_option(const char* argument, const char* name, uint64_t& value) {
  const size_t size = std::strlen(name);
  if (std::strncmp(argument, name, size) != 0) return false;
  char* end = nullptr;
  value = std::strtoull(argument + size, &end, 10);
  return *end == '\0' && value > 0;
}

}  // namespace
}  // namespace topgun::bench

int main(int argc, char** argv) {
  using namespace topgun::bench;
  Options options;
  std::string_view only;
  for (int i = 1; i < argc; ++i) {
    if (read_option(argv[i], "--records=", options.records)) continue;
    if (read_option(argv[i], "--rounds=", options.rounds)) continue;
    if (std::strncmp(argv[i], "--only=", 7) == 0) {
      only = argv[i] + 7;
      continue;
    }
    std::fprintf(stderr, "usage: %s [--records=<n>] [--rounds=<n>] [--only=batch|live|data]\n",
                 argv[0]);
    return 2;
  }
  if (only.empty() || only == "batch") bench_batch(options);
  if (only.empty() || only == "live") bench_live(options);
  if (only == "data") print_data(options);
  return 0;
}
