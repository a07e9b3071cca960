// Bugs that a simulated disk has found, one test each.

#include <doctest/doctest.h>

#include "tests/server/storage/storage_acts.hpp"

namespace topgun::host {
namespace {

using Outcome = StorageModel::Outcome;

/// Makes the choice with the number `alternative` every time: 0 keeps all, 1 loses all.
class Always final : public Gen {
 public:
  explicit Always(uint64_t alternative) : alternative_(alternative) {}

 private:
  uint64_t choose(uint64_t last) override { return std::min(last, alternative_); }
  bool choose_bool(uint64_t, uint64_t) override { return alternative_ != 0; }
  uint64_t alternative_;
};

void lose_all_unsynced(StorageModel& node) {
  node.die();
  Always gen(1);
  node.disk().restart_after_power_loss(gen, {});
}

// The checkpoint may be ahead of the log. After a kill its commits were read from the page cache,
// and a client that offered such a write again was told that it is durable, though only the page
// cache had it: the log never got it, and nobody had synced SQLite's WAL.
TEST_CASE(
    "storage: rows that a killed process left in the page cache are made durable at the start") {
  StorageModel node(small_node());
  REQUIRE(node.open() == Outcome::Serving);
  perform(node, Act::AppendAhead);
  node.run_checkpoint();
  perform(node, Act::Crash);
  REQUIRE(node.is_open());
  CHECK(node.entries_promised() == 1);
  lose_all_unsynced(node);
  CHECK_MESSAGE(node.open() == Outcome::Serving, node.problem());
}

// Every attempt of a stopped log took a file of a segment's size and left it behind, so a disk that
// refused syncs was full within a minute.
TEST_CASE("storage: a segment whose header cannot be synced leaves no file behind") {
  StorageModel node(small_node());
  REQUIRE(node.open() == Outcome::Serving);
  node.disk().set_faults({.sync_error = 1'000'000});
  node.append(1);
  for (int i = 0; i < 20; ++i) {
    node.run_log();
    node.advance(1'000);
  }
  CHECK(node.is_log_stopped());
  uint64_t log_files = 0;
  for (const sim::VirtualDisk::FileView& file : node.disk().files()) {
    log_files += file.path.rfind("data/log/", 0) == 0 ? 1 : 0;
  }
  CHECK(log_files == 0);
  node.disk().set_faults({});
  node.advance(1'000);
  node.run_log();
  CHECK(node.entries_promised() == 1);
}

/// A node whose first checkpoint fails at operation `fail` after its beginning and whose second one
/// dies at operation `stop`. False if the failure was not that of a sync of the database.
bool fail_then_die(StorageModel& node, uint64_t fail, uint64_t stop) {
  REQUIRE(node.open() == Outcome::Serving);
  for (int i = 0; i < 4; ++i) perform(node, Act::Append);
  node.disk().fail_at(sim::VirtualDisk::Failure{.operation = node.disk().operations() + fail});
  perform(node, Act::Checkpoint);
  node.disk().fail_at(std::nullopt);
  if (node.report().empty()) return false;
  if (node.report().front().find("cannot sync the checkpoint") == std::string::npos) return false;
  perform(node, Act::Append);
  node.disk().stop_at(node.disk().operations() + stop);
  perform(node, Act::Checkpoint);
  return true;
}

// After a failed sync of its WAL, SQLite syncs again, is told that all is well, and copies pages
// into the database whose WAL was never written: a loss of power in the middle left neither of
// them.
TEST_CASE("storage: a WAL whose sync failed is written once more before it is relied on") {
  uint64_t failed_syncs = 0;
  for (uint64_t fail = 1; fail <= 200; ++fail) {
    CAPTURE(fail);
    for (uint64_t stop = 1; stop <= 120; stop += 2) {
      CAPTURE(stop);
      StorageModel::Options options = small_node();
      options.disk.seed = stop;
      StorageModel node(options);
      if (!fail_then_die(node, fail, stop)) break;
      failed_syncs += 1;
      node.die();
      node.disk().restart_after_power_loss({.group_sectors = 8});
      const Outcome outcome = node.open();
      REQUIRE_MESSAGE(outcome == Outcome::Serving, node.problem());
    }
  }
  CHECK(failed_syncs > 0);
}

}  // namespace
}  // namespace topgun::host
