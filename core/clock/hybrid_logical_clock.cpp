#include "core/clock/hybrid_logical_clock.hpp"

#include <algorithm>

#include "core/base/probe.hpp"

namespace topgun {

Stamp HybridLogicalClock::tick(uint64_t now_ms) {
  TG_ASSERT(latest_ != UINT64_MAX);
  const uint64_t reading = stamp_time(std::min(now_ms, kClockMsMax), 0);
  TG_SOMETIMES(reading < (latest_ >> 16 << 16), ClockRunsBackwards);
  const uint64_t after = TG_MUTANT(3) ? latest_ : latest_ + 1;
  latest_ = TG_MUTANT(5) ? std::max(reading, (latest_ & 0xffff) + 1) : std::max(after, reading);
  return {latest_, replica_};
}

Result<void> HybridLogicalClock::observe(Stamp remote, uint64_t now_ms) {
  const uint64_t ours_ms = std::min(now_ms, kClockMsMax);
  // Written as a subtraction, because a sum could overflow.
  if (remote.ms() > ours_ms && remote.ms() - ours_ms > drift_max_ms_) {
    TG_SOMETIMES(true, ClockDriftRefused);
    return Error::ClockDrift;
  }
  if (TG_MUTANT(4)) return {};
  restore(remote.time);
  return {};
}

void HybridLogicalClock::restore(uint64_t time) { latest_ = std::max(latest_, time); }

}  // namespace topgun
