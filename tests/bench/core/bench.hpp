#pragma once

#include <chrono>
#include <cstdint>
#include <string_view>

namespace topgun::bench {

struct Options {
  uint64_t records = 100'000;
  /// Each case is timed this often; the shortest time is reported.
  uint64_t rounds = 15;
  /// Run only cases whose name contains this; for profiling.
  std::string_view only;

  bool wants(std::string_view name) const { return name.find(only) != std::string_view::npos; }
};

/// Nanoseconds that `body` takes.
template <typename Body>
double time_ns(Body&& body) {
  const auto begin = std::chrono::steady_clock::now();
  body();
  const auto end = std::chrono::steady_clock::now();
  return std::chrono::duration<double, std::nano>(end - begin).count();
}

/// Prints one result as a JSON line. `digest` is of what was computed: results whose digests differ
/// are not of the same work.
void report(std::string_view name, std::string_view metric, double value, std::string_view unit,
            uint64_t digest);

// One function a question, each in a file of its own.
void bench_hash(const Options& options);
void bench_decode(const Options& options);
void bench_merge(const Options& options);
void bench_merkle(const Options& options);

}  // namespace topgun::bench
