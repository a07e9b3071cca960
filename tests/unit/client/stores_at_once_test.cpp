#include <doctest/doctest.h>

#include "tests/support/world.hpp"

// A host whose storage takes a transaction within the call that hands it out, as memory does.

namespace topgun {
namespace {

constexpr uint64_t kNotes = 1;

World::Client& client_at_once(World& world) {
  World::Client& client = world.add_client();
  client.store_at_once();
  client.restart();
  client.open(kNotes, MapKind::Lww, "notes");
  return client;
}

TEST_CASE("client: what is stored at once leaves for the node without a word about it") {
  World world;
  World::Client& alice = client_at_once(world);
  alice.go_online();
  world.settle();
  REQUIRE(alice.status() == client::Status::Online);
  alice.set(kNotes, "a", "one");
  world.settle();
  CHECK(alice.pending() == 0);
  CHECK(world.node_root(MapKind::Lww, "notes").records == 1);
}

TEST_CASE("client: a replica goes on from what was stored at once, over snapshots as well") {
  World world;
  World::Client& alice = client_at_once(world);
  // Some times the journal that is tolerated.
  const std::string text(1000, 'x');
  constexpr int kWrites = 500;
  for (int i = 0; i < kWrites; ++i) alice.set(kNotes, std::to_string(i % 10), text);
  alice.set(kNotes, "last", "one");
  CHECK(alice.stored_bytes() < 300 * text.size());
  const uint64_t sequence = alice.last_sequence();
  const auto root = alice.root(kNotes);
  alice.restart();
  CHECK(alice.root(kNotes).hash == root.hash);
  CHECK(alice.last_sequence() > sequence);
  alice.go_online();
  world.settle();
  CHECK(alice.pending() == 0);
  CHECK(world.node_root(MapKind::Lww, "notes").hash == root.hash);
}

}  // namespace
}  // namespace topgun
