#include <doctest/doctest.h>

#include "tests/support/world.hpp"

// What a client may bring back to a node that has forgotten removals: nothing that was removed,
// whatever interrupted or delayed the conversation.

namespace topgun {
namespace {

constexpr uint64_t kNotes = 1;
constexpr uint64_t kDayMs = 24ull * 3600 * 1000;

World::Client& open_client(World& world) {
  World::Client& client = world.add_client();
  client.open(kNotes, MapKind::Lww, "notes");
  client.go_online();
  return client;
}

void check_gone(World& world, World::Client& writer, World::Client& returning) {
  CHECK(writer.get(kNotes, "deleted").empty());
  CHECK(returning.get(kNotes, "deleted").empty());
  CHECK(returning.get(kNotes, "kept") == "here");
  CHECK(world.node_root(MapKind::Lww, "notes").records == 1);
}

TEST_CASE("client: a snapshot that was cut off before its end is older than a horizon one day") {
  World world;
  World::Client& alice = open_client(world);
  constexpr int kEntries = 200;
  const std::string large(2'000, 'x');  // More than one frame of them.
  for (int i = 0; i < kEntries; ++i) alice.set(kNotes, std::to_string(i), large);
  world.settle();
  World::Client& bob = open_client(world);
  while (bob.entries(kNotes).empty()) world.deliver_some(1);
  REQUIRE(bob.synced_events == 0);
  bob.go_offline();
  for (int i = 0; i < kEntries; ++i) alice.remove(kNotes, std::to_string(i));
  alice.set(kNotes, "kept", "here");
  for (int day = 0; day < 70; ++day) {
    world.advance(kDayMs);
    world.settle();
  }
  REQUIRE(world.node_root(MapKind::Lww, "notes").records == 1);
  bob.go_online();
  world.settle();
  check_gone(world, alice, bob);
  CHECK(bob.entries(kNotes).size() == 1);
  CHECK(world.stats().resyncs_forced == 1);
}

TEST_CASE("client: a repair that takes longer than tombstones are kept starts anew") {
  World::Options options;
  options.limits.tombstone_retention_ms = 10'000;
  World world(options);
  World::Client& alice = open_client(world);
  World::Client& bob = open_client(world);
  alice.set(kNotes, "deleted", "old");
  alice.set(kNotes, "kept", "here");
  world.settle();
  bob.go_offline();
  world.crash_node();  // No cursor helps, and trees have to be compared.
  world.advance(1'000);
  world.settle();
  alice.remove(kNotes, "deleted");
  world.advance(4'000);
  world.settle();
  bob.go_online();
  while (world.stats().repairs_started == 0) world.deliver_some(1);
  bob.hold_reading(true);
  for (int second = 0; second < 22; ++second) {
    world.advance(1'000);
    world.settle();
  }
  REQUIRE(world.node_root(MapKind::Lww, "notes").records == 1);
  bob.hold_reading(false);
  world.settle();
  check_gone(world, alice, bob);
}

TEST_CASE("client: a reader that lags for longer than tombstones are kept starts anew") {
  World::Options options;
  options.limits.tombstone_retention_ms = 10'000;
  options.limits.credit_bytes = 32'768;
  World world(options);
  World::Client& alice = open_client(world);
  World::Client& bob = open_client(world);
  alice.set(kNotes, "deleted", "old");
  alice.set(kNotes, "kept", "here");
  world.settle();
  bob.hold_reading(true);
  const std::string large(20'000, 'x');
  for (int i = 0; i < 3; ++i) {
    alice.set(kNotes, "kept", large);
    world.settle();
  }
  alice.remove(kNotes, "deleted");
  alice.set(kNotes, "kept", "here");
  for (int second = 0; second < 25; ++second) {
    world.advance(1'000);
    world.settle();
  }
  REQUIRE(world.node_root(MapKind::Lww, "notes").records == 1);
  bob.hold_reading(false);
  world.settle();
  check_gone(world, alice, bob);
}

TEST_CASE(
    "client: a calendar that is set back during a connection does not make writes late for ever") {
  World world;
  World::Client& alice = open_client(world);
  World::Client& bob = open_client(world);
  world.settle();
  world.advance(1'000);
  alice.skew_clock(-60 * static_cast<int64_t>(kDayMs));  // Twice as long as tombstones are kept.
  alice.set(kNotes, "kept", "here");
  world.settle();
  CHECK(alice.errors == std::vector<Error>{Error::ClockDrift});
  CHECK(alice.rejected.empty());
  CHECK(world.stats().operations_rejected == 1);
  CHECK(bob.get(kNotes, "kept") == "here");
}

}  // namespace
}  // namespace topgun
