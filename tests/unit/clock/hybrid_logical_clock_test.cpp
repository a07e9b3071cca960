#include "core/clock/hybrid_logical_clock.hpp"

#include <doctest/doctest.h>

namespace topgun {
namespace {

constexpr ReplicaId kOurs{7};
constexpr ReplicaId kTheirs{8};
constexpr uint64_t kDriftMs = 1000;

HybridLogicalClock clock_of(ReplicaId replica = kOurs) {
  return HybridLogicalClock(replica, kDriftMs);
}

Stamp remote_at(uint64_t ms, uint16_t counter = 0) { return {stamp_time(ms, counter), kTheirs}; }

TEST_CASE("stamp: milliseconds and counter come back out of the time") {
  const Stamp stamp{stamp_time(123456789, 4321), kOurs};
  CHECK(stamp.ms() == 123456789);
  CHECK(stamp.counter() == 4321);
  CHECK(stamp_time(kStampMsMax, 65535) == UINT64_MAX);
}

TEST_CASE("stamp: milliseconds beyond the range count as the last of it") {
  CHECK(stamp_time(kStampMsMax + 1, 3) == stamp_time(kStampMsMax, 3));
  CHECK(stamp_time(UINT64_MAX, 0) == stamp_time(kStampMsMax, 0));
}

TEST_CASE("stamp: time orders first, then the author") {
  CHECK(Stamp{1, {9}} < Stamp{2, {1}});
  CHECK(Stamp{2, {1}} < Stamp{2, {2}});
  CHECK(Stamp{stamp_time(5, 65535), {9}} < Stamp{stamp_time(6, 0), {1}});
}

TEST_CASE("clock: a tick carries the wall time and the replica") {
  HybridLogicalClock clock = clock_of();
  const Stamp stamp = clock.tick(5000);
  CHECK(stamp.ms() == 5000);
  CHECK(stamp.counter() == 0);
  CHECK(stamp.replica == kOurs);
  CHECK(clock.latest() == stamp.time);
}

TEST_CASE("clock: a frozen clock counts upwards") {
  HybridLogicalClock clock = clock_of();
  clock.tick(5000);
  CHECK(clock.tick(5000).time == stamp_time(5000, 1));
  CHECK(clock.tick(5000).time == stamp_time(5000, 2));
}

TEST_CASE("clock: a clock that jumps back does not take the stamps with it") {
  HybridLogicalClock clock = clock_of();
  clock.tick(5000);
  CHECK(clock.tick(10).time == stamp_time(5000, 1));
  CHECK(clock.tick(0).time == stamp_time(5000, 2));
  CHECK(clock.tick(5001).time == stamp_time(5001, 0));
}

TEST_CASE("clock: a full counter rolls over into the next millisecond") {
  HybridLogicalClock clock = clock_of();
  clock.restore(stamp_time(5000, 65534));
  CHECK(clock.tick(5000).time == stamp_time(5000, 65535));
  CHECK(clock.tick(5000).time == stamp_time(5001, 0));
  CHECK(clock.tick(5000).time == stamp_time(5001, 1));
}

TEST_CASE("clock: a local stamp exceeds every observed one") {
  HybridLogicalClock clock = clock_of();
  REQUIRE(clock.observe(remote_at(5500, 9), 5000).ok());
  CHECK(clock.tick(5000).time == stamp_time(5500, 10));
}

TEST_CASE("clock: an observed stamp of the past changes nothing") {
  HybridLogicalClock clock = clock_of();
  clock.tick(5000);
  REQUIRE(clock.observe(remote_at(10), 5000).ok());
  CHECK(clock.latest() == stamp_time(5000, 0));
}

TEST_CASE("clock: the drift bound is inclusive, and what exceeds it leaves no trace") {
  HybridLogicalClock clock = clock_of();
  clock.tick(5000);
  const Result<void> refused = clock.observe(remote_at(6001), 5000);
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error() == Error::ClockDrift);
  CHECK(clock.latest() == stamp_time(5000, 0));

  CHECK(clock.observe(remote_at(6000, 65535), 5000).ok());
  CHECK(clock.tick(5000).time == stamp_time(6001, 0));
}

TEST_CASE("clock: drift is measured against the reading, not against stamps seen before") {
  HybridLogicalClock clock = clock_of();
  REQUIRE(clock.observe(remote_at(6000), 5000).ok());
  CHECK_FALSE(clock.observe(remote_at(7000), 5000).ok());
}

TEST_CASE("clock: restoring an older time does not turn it back") {
  HybridLogicalClock clock = clock_of();
  clock.tick(5000);
  clock.restore(stamp_time(4000, 3));
  CHECK(clock.latest() == stamp_time(5000, 0));
}

TEST_CASE("clock: a restart under a clock that fell back repeats no stamp") {
  HybridLogicalClock before = clock_of();
  before.tick(5000);
  const Stamp last = before.tick(5000);

  HybridLogicalClock after = clock_of();
  after.restore(before.latest());
  CHECK(after.tick(3) > last);
}

TEST_CASE("clock: the drift bound does not apply to what the replica stored itself") {
  HybridLogicalClock clock = clock_of();
  clock.restore(stamp_time(900000, 0));
  CHECK(clock.tick(5).time == stamp_time(900000, 1));
}

TEST_CASE("clock: a reading beyond the end of time does not exhaust the stamps") {
  for (const uint64_t now_ms : {kClockMsMax, kStampMsMax, kStampMsMax + 1, UINT64_MAX}) {
    CAPTURE(now_ms);
    HybridLogicalClock clock = clock_of();
    Stamp last = clock.tick(now_ms);
    CHECK(last.ms() == kClockMsMax);
    for (int i = 0; i < 70000; ++i) {
      const Stamp next = clock.tick(now_ms);
      if (next <= last) FAIL_CHECK("stamp " << i << " repeats");
      last = next;
    }
    // Nor does anybody else get it past that point.
    CHECK_FALSE(clock.observe({UINT64_MAX, kTheirs}, now_ms).ok());
    CHECK_FALSE(clock.observe(remote_at(kClockMsMax + kDriftMs + 1), now_ms).ok());
    CHECK(clock.observe(remote_at(kClockMsMax + kDriftMs), now_ms).ok());
  }
}

}  // namespace
}  // namespace topgun
