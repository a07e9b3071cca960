// Scripts of a node in which the n-th operation on the disk fails, for every n: once, and with all
// that follow until the disk is well again. Then no promise may be broken, the node must find its
// way back to work, and what it promises then must survive the loss of power.

#include <doctest/doctest.h>

#include "tests/server/storage/storage_acts.hpp"

namespace topgun::host {
namespace {

using Outcome = StorageModel::Outcome;

constexpr uint64_t kScripts = 20;
constexpr uint64_t kActsMax = 5;

std::vector<Act> script_of(uint64_t seed) {
  RandomGen gen(seed, stream_id("script"));
  std::vector<Act> script;
  const uint64_t acts = gen.between(3, kActsMax);
  for (uint64_t i = 0; i < acts; ++i) script.push_back(gen.pick(kActs));
  return script;
}

/// A node that could not be opened is opened again, as a supervisor would.
void run(StorageModel& node, const std::vector<Act>& script) {
  for (const Act act : script) {
    if (!node.is_open() && node.open() == Outcome::Broken) return;
    perform(node, act);
    if (!node.problem().empty()) return;
  }
}

void check_failure(const std::vector<Act>& script, const sim::VirtualDisk::Failure& failure) {
  StorageModel node(small_node());
  node.disk().fail_at(failure);
  run(node, script);
  REQUIRE_MESSAGE(node.problem().empty(), node.problem());

  node.disk().fail_at(std::nullopt);
  if (!node.is_open()) {
    const Outcome outcome = node.open();
    REQUIRE_MESSAGE(outcome == Outcome::Serving, node.problem());
  }
  node.advance(1'000);  // Longer than a stopped log waits.
  node.append(1);
  node.run_log();
  CHECK_FALSE(node.is_log_stopped());
  node.run_checkpoint();
  node.append(1);
  node.run_log();
  const uint64_t promised = node.entries_promised();
  CHECK(promised >= 2);

  node.die();
  node.disk().restart_after_power_loss();
  const Outcome outcome = node.open();
  REQUIRE_MESSAGE(outcome == Outcome::Serving, node.problem());
}

TEST_CASE("io failures: no failed operation breaks a promise, whether it fails once or stays") {
  for (uint64_t seed = 1; seed <= kScripts; ++seed) {
    const std::vector<Act> script = script_of(seed);
    const std::string text = spelled(script);
    CAPTURE(text);
    StorageModel whole(small_node());
    run(whole, script);
    REQUIRE_MESSAGE(whole.problem().empty(), whole.problem());
    const uint64_t operations = whole.disk().operations();
    for (uint64_t n = 1; n <= operations; ++n) {
      CAPTURE(n);
      check_failure(script, {.operation = n});
      const Error error = n % 2 == 0 ? Error::StorageIo : Error::StorageFull;
      check_failure(script, {.operation = n, .error = error, .is_sticky = true});
    }
  }
}

/// Random acts on a disk that fails now and then, dies now and then, and is well at last.
void check_faulty_life(Gen& gen, uint64_t seed) {
  StorageModel::Options options = small_node();
  options.disk.seed = seed;
  options.disk.sector_bytes = gen.coin() ? 512 : 4096;
  options.entry_bytes = gen.between(10, 30'000);
  StorageModel node(options);
  sim::DiskFaults faults;
  for (uint32_t* const rate : {&faults.write_error, &faults.short_write, &faults.sync_error,
                               &faults.name_error, &faults.full, &faults.early_writeback}) {
    if (gen.coin()) *rate = static_cast<uint32_t>(gen.between(1'000, 100'000));
  }
  node.disk().set_faults(faults);
  for (uint64_t i = 0; i < 40; ++i) {
    if (!node.is_open() && node.open() == Outcome::Broken) break;
    const Act act = gen.pick(kActs);
    if (act == Act::Crash && gen.coin()) {
      node.die();
      const auto names =
          gen.coin() ? sim::PowerLoss::Names::AnyOrder : sim::PowerLoss::Names::Prefix;
      node.disk().restart_after_power_loss({.names = names});
    } else {
      perform(node, act);
    }
    node.advance(gen.between(0, 2'000));
    if (!node.problem().empty()) break;
  }
  REQUIRE_MESSAGE(node.problem().empty(), node.problem());
  node.disk().set_faults({});
  node.die();
  node.disk().restart_after_power_loss();
  const Outcome outcome = node.open();
  const std::string last_report = node.report().empty() ? "" : node.report().back();
  CAPTURE(last_report);
  REQUIRE_MESSAGE(outcome == Outcome::Serving, node.problem());
}

TEST_CASE("io failures: a long life on a sick disk breaks no promise") {
  for (uint64_t seed = 1; seed <= 150; ++seed) {
    CAPTURE(seed);
    RandomGen gen(seed, stream_id("faulty life"));
    check_faulty_life(gen, seed);
  }
}

}  // namespace
}  // namespace topgun::host
