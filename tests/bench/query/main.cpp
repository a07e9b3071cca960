// usage: topgun-query-bench [--records=<n>] [--rounds=<n>]
//
// Times queries over a map of orders beside SQLite in memory, and live ones. A JSON line for each
// case and contender: case, who, ns (a median), and a digest of what was found.

#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "tests/bench/query/query_bench.hpp"

namespace topgun::bench {

void report(std::string_view name, std::string_view who, double ns, uint64_t digest) {
  std::printf("{\"case\":\"%.*s\",\"who\":\"%.*s\",\"ns\":%.1f,\"digest\":%" PRIu64 "}\n",
              static_cast<int>(name.size()), name.data(), static_cast<int>(who.size()), who.data(),
              ns, digest);
  std::fflush(stdout);
}

namespace {

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
  for (int i = 1; i < argc; ++i) {
    if (read_option(argv[i], "--records=", options.records)) continue;
    if (read_option(argv[i], "--rounds=", options.rounds)) continue;
    std::fprintf(stderr, "usage: %s [--records=<n>] [--rounds=<n>]\n", argv[0]);
    return 2;
  }
  bench_batch(options);
  bench_live(options);
  return 0;
}
