#pragma once

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/base/prng.hpp"
#include "tests/server/crash/ledger.hpp"
#include "tests/server/crash/life_plan.hpp"
#include "tests/server/crash/server_process.hpp"
#include "tests/server/powerloss/power_supply.hpp"

namespace topgun::test {

/// A server that is killed again and again while clients write; after each restart a reader looks
/// whether anything that was acknowledged as `local` is gone. With `power_loss` a kill takes all
/// that was not synced with it, or what the life's plan says.
class CrashTest {
 public:
  struct Options {
    std::string server;
    uint64_t kills = 200;
    uint64_t seed = 0;
    PowerLoss power_loss = PowerLoss::None;
    /// The power-loss shim's file.
    std::string shim;
    /// The only life to lead, as often as there are kills; 0 for all.
    uint64_t only_life = 0;
  };

  CrashTest(const Options& options, std::string directory);

  /// The first thing that went wrong, or empty.
  std::string run();

  /// The data was damaged or lost, as opposed to other trouble.
  bool found_damage() const { return found_damage_; }
  uint64_t kills() const { return kills_; }
  /// How often each target was aimed at, and how often the life got that far.
  struct Aimed {
    uint64_t tried = 0;
    uint64_t hit = 0;
  };
  const std::map<std::string, Aimed>& aimed() const { return aimed_; }
  uint64_t acknowledged() const;

 private:
  std::string lead_a_life(uint64_t life);
  std::string live_and_die(const LifePlan& plan);
  std::string live_and_stall(const LifePlan& plan, Stall stall);
  std::string write_until_death(ServerProcess& server, const LifePlan& plan);
  std::string stop_taking_writes(ServerProcess& server, Stall stall);
  std::string take_writes_again(ServerProcess& server);
  std::string drain();
  std::string check(const ServerProcess& server);
  std::string end_in_peace();

  ServerProcess::Options server_options() const;
  bool connect_writers(uint16_t port);
  void write_a_little();
  /// Whether the end that came is one that the plan asked for.
  bool was_killed_as_aimed() const;
  std::string check_shim() const;

  const Options options_;
  const std::string directory_;
  std::unique_ptr<powerloss::PowerSupply> supply_;
  Prng random_;
  std::deque<Writer> writers_;  // They do not move.
  uint64_t kills_ = 0;
  std::map<std::string, Aimed> aimed_;
  bool found_damage_ = false;
};

}  // namespace topgun::test
