#pragma once

#include "core/clock/now.hpp"

namespace topgun::sim {

/// True time at the start of every simulation, as a calendar would show it.
inline constexpr uint64_t kEpochWallMs = 1'700'000'000'000;

/// What one machine believes the time to be: the simulation's true time, bent. The calendar clock
/// has an offset, drifts, and may be set forwards or backwards; the monotonic clock drifts with it
/// but never goes back. While frozen, neither moves (a worker that gets no CPU between requests, a
/// tab that the browser put to sleep).
class VirtualClock {
 public:
  VirtualClock() = default;
  VirtualClock(int64_t offset_ms, int64_t drift_ppm)
      : wall_shift_us_(offset_ms * 1000), drift_ppm_(drift_ppm) {}

  Now read(uint64_t true_us) const {
    const uint64_t own_us = own_time(true_us);
    const int64_t wall_us = static_cast<int64_t>(own_us) + wall_shift_us_;
    const int64_t wall_ms = static_cast<int64_t>(kEpochWallMs) + wall_us / 1000;
    return {wall_ms < 0 ? 0 : static_cast<uint64_t>(wall_ms), kMonoStartMs + own_us / 1000};
  }

  /// True time at which the monotonic clock shows `mono_ms`, unless it is bent again before.
  uint64_t true_time_of(uint64_t mono_ms, uint64_t true_us) const {
    const uint64_t now_ms = read(true_us).mono_ms;
    if (mono_ms <= now_ms) return true_us;
    const uint64_t wait_us = (mono_ms - now_ms) * 1000;
    // Rounded up, and a little more: a timer that fires early has to be set again.
    return true_us + wait_us + wait_us / 1'000'000 * 1000 + 1000;
  }

  /// Someone sets the calendar clock.
  void step(int64_t by_ms) { wall_shift_us_ += by_ms * 1000; }
  /// From now on the clocks show and keep true time. The monotonic one does not go back for it.
  void set_right(uint64_t true_us) {
    const uint64_t own_us = own_time(true_us);
    bent_us_ = own_us - awake_time(true_us);
    drift_ppm_ = 0;
    wall_shift_us_ = static_cast<int64_t>(true_us) - static_cast<int64_t>(own_us);
  }

  void freeze(uint64_t true_us) {
    if (!is_frozen_) frozen_at_us_ = true_us;
    is_frozen_ = true;
  }
  /// The calendar clock catches up, as after sleep; the monotonic one does not.
  void thaw(uint64_t true_us) {
    if (!is_frozen_) return;
    is_frozen_ = false;
    const uint64_t slept_us = true_us - frozen_at_us_;
    frozen_total_us_ += slept_us;
    wall_shift_us_ += static_cast<int64_t>(slept_us);
  }
  bool is_frozen() const { return is_frozen_; }

 private:
  static constexpr uint64_t kMonoStartMs = 1'000;

  uint64_t awake_time(uint64_t true_us) const {
    return (is_frozen_ ? frozen_at_us_ : true_us) - frozen_total_us_;
  }
  uint64_t own_time(uint64_t true_us) const {
    const uint64_t awake_us = awake_time(true_us);
    const int64_t drift_us = static_cast<int64_t>(awake_us / 1'000'000) * drift_ppm_;
    return static_cast<uint64_t>(static_cast<int64_t>(awake_us + bent_us_) + drift_us);
  }

  int64_t wall_shift_us_ = 0;
  int64_t drift_ppm_ = 0;
  uint64_t bent_us_ = 0;  ///< What drifts of the past have added, modulo 2^64.
  bool is_frozen_ = false;
  uint64_t frozen_at_us_ = 0;
  uint64_t frozen_total_us_ = 0;
};

}  // namespace topgun::sim
