// A disk that changes stored bytes without a word. Whatever bit it flips: the damage is named, or
// it does not matter; never does the node serve something else than what was written.

#include <doctest/doctest.h>

#include <cstdlib>

#include "tests/server/storage/storage_acts.hpp"

namespace topgun::host {
namespace {

using Outcome = StorageModel::Outcome;

/// A node with log before and after its checkpoint, stopped cleanly or killed.
void live(StorageModel& node, uint64_t entries, bool is_killed) {
  REQUIRE(node.open() == Outcome::Serving);
  node.append(entries);
  node.run_log();
  perform(node, Act::Append);
  perform(node, Act::Checkpoint);
  perform(node, Act::Append);
  perform(node, Act::Append);
  if (!is_killed) node.close();
  node.die();
  node.disk().restart_after_crash();
}

/// `TOPGUN_CASES=<factor>` flips that many times as many bits.
uint64_t seeds() {
  const char* const factor = std::getenv("TOPGUN_CASES");
  return 400 * (factor == nullptr ? 1 : std::strtoull(factor, nullptr, 10));
}

struct Tally {
  uint64_t flips = 0;
  uint64_t named = 0;
  uint64_t harmless = 0;
  uint64_t tails = 0;
};

/// Flips one bit somewhere in `file` and starts the node.
void flip_and_open(const std::string& file, uint64_t seed, Tally& tally) {
  RandomGen gen(seed, stream_id("flip"));
  StorageModel::Options options = small_node();
  options.entry_bytes = gen.pick({20, 100, 3'000, 20'000});
  StorageModel node(options);
  const uint64_t entries = gen.between(1, 200'000 / (options.entry_bytes + 100));
  live(node, entries, gen.coin());
  for (const sim::VirtualDisk::FileView& view : node.disk().files()) {
    if (view.path.find(file) == std::string::npos || view.bytes == 0) continue;
    const uint64_t offset = gen.below(view.bytes);
    const auto bit = static_cast<uint32_t>(gen.below(8));
    if (!node.disk().flip_bit(view.path, offset, bit)) continue;
    CAPTURE(view.path);
    CAPTURE(offset);
    CAPTURE(bit);
    tally.flips += 1;
    const Outcome outcome = node.open();
    if (outcome == Outcome::Refused) {
      tally.named += 1;
      CHECK_FALSE(node.report().empty());
      return;
    }
    // A last block that is broken cannot be told from one that a crash tore.
    const bool is_tail = outcome == Outcome::Broken && node.is_only_the_last_entry_missing();
    tally.tails += is_tail ? 1 : 0;
    tally.harmless += outcome == Outcome::Serving ? 1 : 0;
    CHECK_MESSAGE((outcome == Outcome::Serving || is_tail), node.problem());
    return;
  }
}

TEST_CASE("silent damage: a flipped bit in the log is named, or it hit nothing") {
  Tally tally;
  for (uint64_t seed = 1; seed <= seeds(); ++seed) {
    CAPTURE(seed);
    flip_and_open(".log", seed, tally);
  }
  MESSAGE(tally.flips << " flips: " << tally.named << " named, " << tally.harmless << " harmless, "
                      << tally.tails << " in the last block");
  CHECK(tally.named > tally.flips / 10);
}

TEST_CASE("silent damage: a flipped bit in the checkpoint is named, or it hit nothing") {
  Tally tally;
  for (uint64_t seed = 1; seed <= seeds(); ++seed) {
    CAPTURE(seed);
    flip_and_open("checkpoint.db", seed, tally);
  }
  MESSAGE(tally.flips << " flips: " << tally.named << " named, " << tally.harmless << " harmless");
  CHECK(tally.named > tally.flips / 20);
}

}  // namespace
}  // namespace topgun::host
