#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "tests/server/powerloss/control.hpp"

namespace topgun::test {

/// What a power-loss run may draw for its lives.
enum class PowerLoss { None, Drop, Keep, Tear, Mixed };

/// How one life of the server goes and how it ends: drawn from the run's seed and the life's
/// number, so that a failing life can be described and met again.
struct LifePlan {
  struct Aim {
    powerloss::Call call;
    powerloss::When when;
    const char* files;
    uint64_t skip;

    /// The kind of call and file, as in "rename spare-*".
    std::string target() const;
  };
  struct Fault {
    const char* files;
    uint64_t skip;
    uint64_t count;
  };

  powerloss::Mode mode = powerloss::Mode::Keep;
  uint64_t seed = 0;
  bool verify = false;
  uint32_t sync_delay_us = 0;
  /// The end comes after this time, or where it is aimed.
  uint64_t life_us = 0;
  std::optional<Aim> aim;
  std::optional<Fault> sync_error;
  std::optional<Fault> read_error;
  std::optional<Fault> short_write;

  void set(powerloss::Control& control) const;
  std::string describe() const;
};

LifePlan draw_plan(PowerLoss choice, uint64_t seed, uint64_t life);

/// How a disk stops taking writes for a while, and what comes after.
enum class Stall : uint8_t { FullThenFree, FullThenKill, SyncErrorsThenGood, SyncErrorsThenKill };
const char* stall_name(Stall stall);

}  // namespace topgun::test
