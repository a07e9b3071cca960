#pragma once

#include <time.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

namespace topgun::bench {

struct Options {
  uint64_t records = 100'000;
  uint64_t rounds = 15;
};

inline double wall_ns() {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration<double, std::nano>(now).count();
}

/// What this process has used of processors so far.
inline double cpu_ns() {
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return 1e9 * static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec);
}

/// Median over the rounds of what one of `times` calls takes, by `clock`. `body` is called with 0,
/// 1, 2, ...
template <typename Clock, typename Body>
double median_by(Clock&& clock, uint64_t rounds, uint64_t times, Body&& body) {
  std::vector<double> taken;
  uint64_t call = 0;
  for (uint64_t round = 0; round < rounds; ++round) {
    const double begin = clock();
    for (uint64_t i = 0; i < times; ++i) body(call++);
    taken.push_back((clock() - begin) / static_cast<double>(times));
  }
  std::nth_element(taken.begin(), taken.begin() + static_cast<ptrdiff_t>(taken.size() / 2),
                   taken.end());
  return taken[taken.size() / 2];
}

/// In nanoseconds by the clock on the wall.
template <typename Body>
double median_ns(uint64_t rounds, uint64_t times, Body&& body) {
  return median_by(wall_ns, rounds, times, std::forward<Body>(body));
}

/// In nanoseconds of processor time, which says the same on a machine that has other work.
template <typename Body>
double median_cpu_ns(uint64_t rounds, uint64_t times, Body&& body) {
  return median_by(cpu_ns, rounds, times, std::forward<Body>(body));
}

/// Prints one result as a JSON line. Contenders of one case must report one digest of what they
/// found.
void report(std::string_view name, std::string_view who, double ns, uint64_t digest);

void bench_batch(const Options& options);
void bench_live(const Options& options);

}  // namespace topgun::bench
