#include "core/base/mix.hpp"
#include "core/merkle/merkle_tree.hpp"
#include "tests/bench/core/bench.hpp"
#include "tests/bench/core/workload.hpp"

namespace topgun::bench {

void bench_merkle(const Options& options) {
  constexpr std::string_view kName = "Merkle tree built from hashes";
  if (!options.wants(kName)) return;
  uint8_t depth = 0;
  while ((uint64_t{4} << depth) < options.records) ++depth;  // As deep as a table keeps it.
  uint64_t digest = 0;
  std::vector<double> times;
  for (uint64_t round = 0; round < options.rounds; ++round) {
    times.push_back(time_ns([&] {
      MerkleTree tree;
      tree.reset(depth);
      for (uint64_t i = 1; i <= options.records; ++i) tree.add(mix64(i), mix64(~i));
      digest = tree.root().mixed_sum;
    }));
  }
  report(kName, "time", best(times) / static_cast<double>(options.records), "ns/record", digest);
}

}  // namespace topgun::bench
