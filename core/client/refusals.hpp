#pragma once

#include <algorithm>
#include <cstdint>

namespace topgun::client {

/// How long to stay away from a node that refused for a reason that another attempt does not cure,
/// such as a bad token or an operation that something on the way does not let through: longer with
/// each refusal, since each attempt says everything again. A Welcome in between proves nothing; the
/// owner starts over when something was taken, or when the application changed something.
class Refusals {
 public:
  static constexpr uint64_t kWaitMsMin = 10'000;
  static constexpr uint64_t kWaitMsMax = 300'000;
  /// A refusal this long ago was another matter.
  static constexpr uint64_t kForgottenMs = 2 * kWaitMsMax;

  /// Notes a refusal at `now_ms` (monotonic); returns the milliseconds to wait for the next
  /// attempt.
  uint64_t next_wait_ms(uint64_t now_ms) {
    if (now_ms - last_ms_ > kForgottenMs) in_row_ = 0;
    last_ms_ = now_ms;
    const uint64_t wait_ms = kWaitMsMin << std::min<uint32_t>(in_row_, 10);
    ++in_row_;
    return std::min(wait_ms, kWaitMsMax);
  }

 private:
  uint32_t in_row_ = 0;
  uint64_t last_ms_ = 0;
};

}  // namespace topgun::client
