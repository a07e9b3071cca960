#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <string_view>
#include <vector>

namespace topgun::bench {

struct Options {
  uint64_t records = 100'000;
  uint64_t rounds = 15;
};

/// Median time of one of `times` calls, in nanoseconds. `body` is called with 0, 1, 2, ...
template <typename Body>
double median_ns(uint64_t rounds, uint64_t times, Body&& body) {
  std::vector<double> taken;
  uint64_t call = 0;
  for (uint64_t round = 0; round < rounds; ++round) {
    const auto begin = std::chrono::steady_clock::now();
    for (uint64_t i = 0; i < times; ++i) body(call++);
    const auto end = std::chrono::steady_clock::now();
    taken.push_back(std::chrono::duration<double, std::nano>(end - begin).count() /
                    static_cast<double>(times));
  }
  std::nth_element(taken.begin(), taken.begin() + static_cast<ptrdiff_t>(taken.size() / 2),
                   taken.end());
  return taken[taken.size() / 2];
}

/// Prints one result as a JSON line. Contenders of one case must report one digest of what they
/// found.
void report(std::string_view name, std::string_view who, double ns, uint64_t digest);

void bench_batch(const Options& options);
void bench_live(const Options& options);

}  // namespace topgun::bench
