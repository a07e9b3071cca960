#include <doctest/doctest.h>

#include "tests/support/world.hpp"

// A file of its own: it takes as many writes as a restart skips sequences.

namespace topgun {
namespace {

constexpr uint64_t kNotes = 1;

TEST_CASE("client: while storing fails, no more is sent than the sequences a restart skips") {
  constexpr uint64_t kSequenceReserve = 65'536;
  World world;
  World::Client& alice = world.add_client();
  alice.open(kNotes, MapKind::Lww, "notes");
  alice.go_online();
  world.settle();
  REQUIRE(alice.status() == client::Status::Online);
  alice.fail_storage(true);
  constexpr int kRounds = 3;
  constexpr int kWrites = 30'000;
  for (int round = 0; round < kRounds; ++round) {
    for (int i = 0; i < kWrites; ++i) {
      alice.set(kNotes, std::to_string(round) + "-" + std::to_string(i), "v");
    }
    // The host is asked to store everything anew, and fails again.
    world.settle();
    world.advance(10'000);
    world.settle();
  }
  const uint64_t sent = world.node_root(MapKind::Lww, "notes").records;
  CHECK(sent > kWrites);
  CHECK(sent <= kSequenceReserve);
  alice.fail_storage(false);
  world.advance(10'000);
  world.settle();
  CHECK(world.node_root(MapKind::Lww, "notes").records == kRounds * kWrites);
  CHECK(alice.pending() == 0);
}

}  // namespace
}  // namespace topgun
