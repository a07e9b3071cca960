// Every state in which a crash can leave the storage of a small program, recovered with the real
// code: each program of up to three steps, a crash before each operation on the disk, and of what
// was not synced each sector group kept or lost. A promise that one of these states breaks is a
// bug.

#include <doctest/doctest.h>

#include "tests/server/storage/storage_acts.hpp"

namespace topgun::host {
namespace {

using Outcome = StorageModel::Outcome;

/// Runs the program on a machine that dies at operation `stop_at` after the first start; 0: it does
/// not. The number of operations of the whole program.
uint64_t run(StorageModel& node, const std::vector<Act>& program, uint64_t stop_at) {
  REQUIRE(node.open() == Outcome::Serving);
  const uint64_t begin = node.disk().operations();
  if (stop_at != 0) node.disk().stop_at(begin + stop_at);
  for (const Act act : program) {
    if (stop_at != 0 && node.disk().is_stopped()) break;
    perform(node, act);
    if (!node.problem().empty()) break;
  }
  return node.disk().operations() - begin;
}

/// The machine comes back, is asked for all it promised, promises one more and loses its power.
void check_recovery(StorageModel& node) {
  REQUIRE_MESSAGE(node.open() == Outcome::Serving, node.problem());
  node.append(1);
  node.run_log();
  node.die();
  RandomGen gen(1);
  node.disk().restart_after_power_loss(gen, {.may_tear = false});
  REQUIRE_MESSAGE(node.open() == Outcome::Serving, node.problem());
}

/// The program up to operation `stop_at`, the loss, and the way back. `lose_power` restarts the
/// disk.
template <typename LosePower>
void check_crash(const std::vector<Act>& program, uint64_t stop_at, LosePower lose_power) {
  StorageModel node(small_node());
  run(node, program, stop_at);
  REQUIRE_MESSAGE(node.problem().empty(), node.problem());
  node.die();
  lose_power(node.disk());
  check_recovery(node);
}

/// A crash before each operation of the program; of the states that a loss of power can leave, the
/// first `enumerated` and then, if there are more, `sampled` others. The state that the death of
/// the process leaves is the first of them.
void check_crash_states(const std::vector<Act>& program, uint64_t enumerated, uint64_t sampled) {
  const std::string text = spelled(program);
  CAPTURE(text);
  StorageModel whole(small_node());
  const uint64_t operations = run(whole, program, 0);
  REQUIRE_MESSAGE(whole.problem().empty(), whole.problem());
  const sim::PowerLoss how{.may_tear = false, .group_sectors = 6};
  for (uint64_t stop_at = 1; stop_at <= operations + 1; ++stop_at) {
    CAPTURE(stop_at);
    if (enumerated > 0) {
      check_crash(program, stop_at, [](sim::VirtualDisk& disk) { disk.restart_after_crash(); });
    }
    ExhaustiveGen gen({.choices_max = 8, .alternatives_max = 4});
    bool has_more = gen.next_round();
    for (; has_more && gen.rounds() <= enumerated; has_more = gen.next_round()) {
      CAPTURE(gen.rounds());
      check_crash(program, stop_at,
                  [&](sim::VirtualDisk& disk) { disk.restart_after_power_loss(gen, how); });
    }
    for (uint64_t seed = 1; has_more && seed <= sampled; ++seed) {
      CAPTURE(seed);
      RandomGen random(seed * 1'000 + stop_at);
      check_crash(program, stop_at,
                  [&](sim::VirtualDisk& disk) { disk.restart_after_power_loss(random, how); });
    }
  }
}

TEST_CASE("crash states: programs of one and two steps keep every promise") {
  for (const Act first : kActs) {
    check_crash_states({first}, 64, 8);
    for (const Act second : kActs) check_crash_states({first, second}, 8, 4);
  }
}

TEST_CASE("crash states: programs of three steps keep every promise") {
  for (const Act first : kActs) {
    for (const Act second : kActs) {
      for (const Act third : kActs) check_crash_states({first, second, third}, 0, 1);
    }
  }
}

TEST_CASE("crash states: a kill at each step of a checkpoint and of recycling loses nothing") {
  const std::vector<Act> program = {Act::Append,      Act::Append,     Act::Append,
                                    Act::Append,      Act::Checkpoint, Act::Append,
                                    Act::AppendAhead, Act::Checkpoint, Act::Append};
  const auto in_any_order = sim::PowerLoss{.names = sim::PowerLoss::Names::AnyOrder};
  for (const sim::PowerLoss& how : {sim::PowerLoss{}, in_any_order}) {
    StorageModel whole(small_node());
    const uint64_t operations = run(whole, program, 0);
    for (uint64_t stop_at = 1; stop_at <= operations; ++stop_at) {
      CAPTURE(stop_at);
      for (uint64_t seed = 0; seed < 6; ++seed) {
        CAPTURE(seed);
        StorageModel::Options options = small_node();
        options.disk.seed = seed;
        StorageModel node(options);
        run(node, program, stop_at);
        REQUIRE_MESSAGE(node.problem().empty(), node.problem());
        node.die();
        node.disk().restart_after_power_loss(how);
        check_recovery(node);
      }
    }
  }
}

}  // namespace
}  // namespace topgun::host
