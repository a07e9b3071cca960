#include "tests/bench/core/bench.hpp"
#include "tests/bench/core/workload.hpp"

namespace topgun::bench {
namespace {

void bench_values(const Options& options, Values values, const char* name) {
  if (!options.wants(name)) return;
  const std::vector<Bytes> batches = lww_batches(options.records, 0);
  OperationBatch batch;
  uint64_t digest = 0;
  std::vector<double> times;
  for (uint64_t round = 0; round < options.rounds; ++round) {
    digest = 0;
    times.push_back(time_ns([&] {
      for (const Bytes& bytes : batches) {
        if (!decode_operations(bytes, values, batch).ok()) return;
        digest += batch.operations.back().time + batch.operations.size();
      }
    }));
  }
  report(name, "time", best(times) / static_cast<double>(options.records), "ns/operation", digest);
}

}  // namespace

void bench_decode(const Options& options) {
  bench_values(options, Values::Validate, "decode_operations, values validated");
  bench_values(options, Values::Trust, "decode_operations, values trusted");
}

}  // namespace topgun::bench
