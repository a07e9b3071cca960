#include "core/base/hash.hpp"

#include "tests/bench/core/bench.hpp"
#include "tests/bench/core/workload.hpp"

namespace topgun::bench {
namespace {

void bench_size(const Options& options, size_t size, const char* name) {
  if (!options.wants(name)) return;
  Bytes bytes(size);
  for (size_t i = 0; i < size; ++i) bytes[i] = static_cast<uint8_t>(i * 7);
  const uint64_t calls = std::max<uint64_t>(1, options.records * 100 / size);
  uint64_t digest = 0;
  std::vector<double> times;
  for (uint64_t round = 0; round < options.rounds; ++round) {
    times.push_back(time_ns([&] {
      for (uint64_t i = 0; i < calls; ++i) {
        // Each call depends on the one before, as a lookup depends on its key.
        bytes[0] = static_cast<uint8_t>(digest);
        digest += hash64(bytes);
      }
    }));
  }
  const double ns = best(times) / static_cast<double>(calls);
  report(name, "time", ns, "ns/call", digest);
  report(name, "throughput", static_cast<double>(size) / ns, "GB/s", digest);
}

}  // namespace

void bench_hash(const Options& options) {
  bench_size(options, 10, "hash64 of a key (10 B)");
  bench_size(options, 105, "hash64 of a record (105 B)");
  bench_size(options, 65536, "hash64 of a page (64 KiB)");
}

}  // namespace topgun::bench
