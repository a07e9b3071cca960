// Nothing acknowledged is lost, whatever a crash leaves of what was not yet synced: small programs
// with every possible outcome, and long random ones.

#include "tests/support/log_disk.hpp"
#include "tests/support/property.hpp"

namespace topgun::storage {
namespace {

TEST_CASE("log_crash: every subset of the sectors of the block under way, at every write") {
  ExhaustiveGen gen({.choices_max = 24});
  while (gen.next_round()) {
    LogModel log({.segment_bytes = 4 * kLogPageBytes, .block_bytes = 2 * kLogPageBytes});
    REQUIRE(log.restart());
    const uint64_t crash_at = gen.below(5);
    for (uint64_t i = 0; i <= crash_at; ++i) {
      log.append(static_cast<uint16_t>(i % 2), 2, 300 + 700 * (i % 2));
      if (i < crash_at) log.run_until_idle();
    }
    const bool is_open_step_left = log.step_without_completion();
    REQUIRE(is_open_step_left);
    log.disk().lose_power(gen, false);
    const bool is_well = log.restart();
    CAPTURE(crash_at);
    CAPTURE(log.problem());
    REQUIRE(is_well);
    log.append(0, 1, 100);
    log.run_until_idle();
    REQUIRE(log.verify().ok());
  }
  CHECK_FALSE(gen.bounded());
}

TEST_CASE("log_crash: every prefix of what was written, byte by byte") {
  LogModel whole;
  REQUIRE(whole.restart());
  whole.append(0, 2, 300);
  whole.run_until_idle();
  whole.append(1, 3, 1500);
  const LogModel before = whole;
  REQUIRE(whole.step_without_completion());
  const Bytes& after = whole.disk().segments().at(1);
  for (size_t prefix = 0; prefix < after.size(); prefix += 7) {
    CAPTURE(prefix);
    LogModel log = before;
    Bytes& content = log.disk().segments().at(1);
    std::copy(after.begin() + kLogPageBytes,
              after.begin() + static_cast<ptrdiff_t>(std::max<size_t>(prefix, kLogPageBytes)),
              content.begin() + kLogPageBytes);
    REQUIRE(log.restart());
  }
}

TEST_CASE("log_crash: failed syncs, kills and losses of power, one after the other") {
  ExhaustiveGen gen({.choices_max = 40, .alternatives_max = 8});
  while (gen.next_round()) {
    // One sector a block, so that two crashes can be played out in full.
    LogModel log({.segment_bytes = 3 * kLogPageBytes, .block_bytes = kLogPageBytes});
    REQUIRE(log.restart());
    for (int crash = 0; crash < 2; ++crash) {
      for (int i = 0; i < 3; ++i) {
        log.append(0, 1, 30);
        const uint64_t fate = gen.below(3);
        if (fate == 0) log.run_until_idle();
        if (fate == 1) {
          log.step(LogModel::Outcome::Failed);
          log.run_until_idle();
        }
        if (fate == 2) break;
      }
      log.step_without_completion();
      // A kill leaves the page cache; a loss of power right after it does not.
      if (gen.coin()) {
        REQUIRE(log.restart());
        log.step_without_completion();
      }
      RandomGen sectors(gen.below(4));
      log.disk().lose_power(sectors, true);
      const bool is_well = log.restart();
      CAPTURE(log.problem());
      REQUIRE(is_well);
    }
  }
}

TEST_CASE("log_crash: long random lives, with checkpoints, recycling and full disks") {
  for_each_seed(400, [](Gen& gen) {
    LogModel log({.segment_bytes = gen.between(2, 6) * kLogPageBytes,
                  .block_bytes = gen.between(1, 3) * kLogPageBytes});
    REQUIRE(log.restart());
    for (int i = 0; i < 120; ++i) {
      const uint64_t action = gen.below(12);
      if (action < 5) {
        const auto shard = static_cast<uint16_t>(gen.below(3));
        const uint64_t count = gen.between(1, 4);
        log.append(shard, count, gen.between(18, 3000));
      } else if (action < 8) {
        log.run_until_idle();
      } else if (action == 8) {
        const bool is_full = gen.coin();
        log.step(is_full ? LogModel::Outcome::FullDisk : LogModel::Outcome::Failed);
        if (log.stopped() && gen.coin()) log.retry();
      } else if (action == 9) {
        log.checkpoint();
      } else {
        if (gen.coin()) log.step_without_completion();
        if (action == 10) log.disk().lose_power(gen, true);
        const bool is_well = log.restart();
        CAPTURE(i);
        CAPTURE(log.problem());
        REQUIRE(is_well);
      }
    }
  });
}

}  // namespace
}  // namespace topgun::storage
