#include "core/clock/hybrid_logical_clock.hpp"

#include <algorithm>

namespace topgun {

Stamp HybridLogicalClock::tick(uint64_t now_ms) {
  TG_ASSERT(latest_ != UINT64_MAX);
  latest_ = std::max(latest_ + 1, stamp_time(std::min(now_ms, kClockMsMax), 0));
  return {latest_, replica_};
}

Result<void> HybridLogicalClock::observe(Stamp remote, uint64_t now_ms) {
  const uint64_t ours_ms = std::min(now_ms, kClockMsMax);
  // Written as a subtraction, because a sum could overflow.
  if (remote.ms() > ours_ms && remote.ms() - ours_ms > drift_max_ms_) return Error::ClockDrift;
  restore(remote.time);
  return {};
}

void HybridLogicalClock::restore(uint64_t time) { latest_ = std::max(latest_, time); }

}  // namespace topgun
