// usage: topgun-core-bench [--records=<n>] [--rounds=<n>] [--only=<part of a name>]
//
// Times the hot paths of the core and prints a JSON line for each: suite, case, metric, value, unit
// and the digest of the result. A ctest runs it with tiny numbers.

#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "tests/bench/core/bench.hpp"

namespace topgun::bench {

void report(std::string_view name, std::string_view metric, double value, std::string_view unit,
            uint64_t digest) {
  std::printf(
      "{\"suite\":\"core\",\"case\":\"%.*s\",\"metric\":\"%.*s\",\"value\":%.3f,\"unit\":\"%.*s\","
      "\"digest\":\"%016" PRIx64 "\"}\n",
      static_cast<int>(name.size()), name.data(), static_cast<int>(metric.size()), metric.data(),
      value, static_cast<int>(unit.size()), unit.data(), digest);
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
    if (std::strncmp(argv[i], "--only=", 7) == 0) {
      options.only = argv[i] + 7;
      continue;
    }
    std::fprintf(stderr, "usage: %s [--records=<n>] [--rounds=<n>] [--only=<part of a name>]\n",
                 argv[0]);
    return 2;
  }
  bench_hash(options);
  bench_decode(options);
  bench_merge(options);
  bench_merkle(options);
  return 0;
}
