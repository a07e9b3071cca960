#pragma once

#include <chrono>
#include <cstdint>

namespace topgun::host {

/// Milliseconds of the monotonic clock, as the parts of storage that know no clock take them.
inline uint64_t monotonic_ms() {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  return static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(now).count());
}

/// The time at which the clock will say so.
inline std::chrono::steady_clock::time_point monotonic_time(uint64_t ms) {
  return std::chrono::steady_clock::time_point(std::chrono::milliseconds(ms));
}

}  // namespace topgun::host
