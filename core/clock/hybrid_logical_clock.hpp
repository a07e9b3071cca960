#pragma once

#include <compare>
#include <cstdint>

#include "core/base/ids.hpp"
#include "core/base/result.hpp"

namespace topgun {

/// The moment of a write on its author's hybrid logical clock: 48 bits of milliseconds since 1970
/// and 16 bits that order events within one millisecond, in one integer. Unique together with the
/// author, and totally ordered: by time, then by author.
struct Stamp {
  uint64_t time = 0;
  ReplicaId replica;

  constexpr uint64_t ms() const { return time >> 16; }
  constexpr uint16_t counter() const { return static_cast<uint16_t>(time); }

  friend constexpr auto operator<=>(const Stamp&, const Stamp&) = default;
};

/// Latest representable millisecond (the year 10889); readings beyond it count as it.
inline constexpr uint64_t kStampMsMax = (uint64_t{1} << 48) - 1;

/// Readings of a replica's own clock beyond this (the year 6429) count as it. As many stamps again
/// lie behind it, so that not even a broken or frozen clock can run out of them.
inline constexpr uint64_t kClockMsMax = kStampMsMax / 2;

constexpr uint64_t stamp_time(uint64_t ms, uint16_t counter) {
  return ((ms > kStampMsMax ? kStampMsMax : ms) << 16) | counter;
}

/// Hybrid logical clock: wall-clock milliseconds that never run backwards, plus a counter that
/// orders events within one millisecond (Kulkarni et al., "Logical Physical Clocks", OPODIS 2014).
/// A full counter rolls over into the next millisecond. Reads no clock: time comes in with every
/// call.
class HybridLogicalClock {
 public:
  /// A remote stamp may lie at most `drift_max_ms` ahead of our time. Days at most, usually
  /// minutes.
  HybridLogicalClock(ReplicaId replica, uint64_t drift_max_ms)
      : replica_(replica), drift_max_ms_(drift_max_ms) {}

  /// Stamps a local event; the result exceeds every stamp issued, observed or restored before.
  Stamp tick(uint64_t now_ms);

  /// Takes note of a remote stamp, so that later local stamps exceed it.
  /// `ClockDrift`, with the clock unchanged, if it lies more than the bound ahead of `now_ms`.
  Result<void> observe(Stamp remote, uint64_t now_ms);

  /// Takes note of a time that this replica itself stored before a restart; no bound applies.
  void restore(uint64_t time);

  /// The latest time issued, observed or restored: what has to survive a restart.
  uint64_t latest() const { return latest_; }

  ReplicaId replica() const { return replica_; }

 private:
  ReplicaId replica_;
  uint64_t drift_max_ms_;
  uint64_t latest_ = 0;
};

}  // namespace topgun
