#include <array>
#include <set>

#include "core/clock/hybrid_logical_clock.hpp"
#include "tests/support/property.hpp"

// Replicas stamp, exchange stamps and restart under clocks that do what they like. Whatever
// happens: stamps of one replica increase strictly, also over restarts; no two stamps anywhere are
// equal; a local stamp exceeds all that its replica has seen; and no clock is carried further ahead
// than the furthest reading plus the drift bound.

namespace topgun {
namespace {

struct Replica {
  explicit Replica(uint64_t number, uint64_t drift_ms) : clock({number}, drift_ms) {}

  HybridLogicalClock clock;
  uint64_t stored = 0;  // What survives a restart.
  Stamp last;
};

class Run {
 public:
  Run(size_t replicas, uint64_t drift_ms) : drift_ms_(drift_ms) {
    for (size_t i = 0; i < replicas; ++i) replicas_.emplace_back(i + 1, drift_ms);
  }

  void tick(size_t at, uint64_t now_ms) {
    read(now_ms);
    Replica& replica = replicas_[at];
    const uint64_t seen = replica.clock.latest();
    const Stamp stamp = replica.clock.tick(now_ms);
    CHECK(stamp > replica.last);
    CHECK(stamp.time > seen);
    CHECK(stamp.replica == replica.clock.replica());
    CHECK(issued_.insert(stamp).second);
    CHECK(stamp.ms() <= ahead_limit_ms());
    replica.last = stamp;
    replica.stored = replica.clock.latest();
  }

  void observe(size_t at, size_t from, uint64_t now_ms) {
    read(now_ms);
    Replica& replica = replicas_[at];
    const Stamp remote = replicas_[from].last;
    const uint64_t before = replica.clock.latest();
    const bool too_far = remote.ms() > now_ms + drift_ms_;
    const Result<void> observed = replica.clock.observe(remote, now_ms);
    CHECK(observed.ok() == !too_far);
    if (!observed.ok()) CHECK(replica.clock.latest() == before);
    if (observed.ok()) CHECK(replica.clock.latest() >= remote.time);
    CHECK(replica.clock.latest() >= before);
  }

  /// Whatever was observed since the last stamp is lost; what was issued is not.
  void restart(size_t at) {
    Replica& replica = replicas_[at];
    replica.clock = HybridLogicalClock(replica.clock.replica(), drift_ms_);
    replica.clock.restore(replica.stored);
    CHECK(replica.clock.latest() == replica.stored);
  }

 private:
  void read(uint64_t now_ms) { furthest_reading_ms_ = std::max(furthest_reading_ms_, now_ms); }

  // A millisecond more for each full counter; no run here stamps often enough to fill two.
  uint64_t ahead_limit_ms() const { return furthest_reading_ms_ + drift_ms_ + 2; }

  uint64_t drift_ms_;
  uint64_t furthest_reading_ms_ = 0;
  std::vector<Replica> replicas_;
  std::set<Stamp> issued_;
};

void play(Gen& gen, Run& run, size_t replicas, size_t steps, std::span<const uint64_t> readings) {
  for (size_t step = 0; step < steps; ++step) {
    const auto at = static_cast<size_t>(gen.below(replicas));
    const uint64_t what = gen.below(3);
    if (what == 2) {
      run.restart(at);
      continue;
    }
    const uint64_t now_ms = gen.pick(readings);
    if (what == 0) run.tick(at, now_ms);
    if (what == 1) run.observe(at, (at + 1) % replicas, now_ms);
  }
}

TEST_CASE("clock: all short runs of two replicas keep its promises") {
  // Readings around the drift bound, and one far ahead.
  static constexpr uint64_t kReadings[] = {10, 12, 13};
  ExhaustiveGen gen;
  while (gen.next_round()) {
    Run run(2, 2);
    play(gen, run, 2, 4, kReadings);
  }
  CHECK_FALSE(gen.bounded());
  CHECK(gen.rounds() == 14 * 14 * 14 * 14);  // Per step: 2 replicas x (3 ticks + 3 observes + 1).
}

TEST_CASE("clock: long runs under clocks that jump keep its promises") {
  for_each_seed(200, [](Gen& gen) {
    std::vector<uint64_t> readings;
    const uint64_t base_ms = gen.below(uint64_t{1} << 41);
    const uint64_t spread_ms = gen.pick({uint64_t{1}, uint64_t{50}, uint64_t{1} << 30});
    for (int i = 0; i < 10; ++i) readings.push_back(base_ms + gen.below(spread_ms));
    const auto replicas = static_cast<size_t>(gen.between(1, 5));
    Run run(replicas, gen.below(100));
    play(gen, run, replicas, 500, readings);
  });
}

}  // namespace
}  // namespace topgun
