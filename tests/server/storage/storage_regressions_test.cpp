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

}  // namespace
}  // namespace topgun::host
