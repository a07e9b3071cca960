// A copy of a client's storage, and what becomes of the writes of both.

#include <doctest/doctest.h>

#include "tests/support/world.hpp"

namespace topgun {
namespace {

constexpr uint64_t kNotes = 1;
constexpr uint64_t kTags = 2;
constexpr uint64_t kHits = 3;

World::Client& new_client(World& world) {
  World::Client& client = world.add_client();
  client.open(kNotes, MapKind::Lww, "notes");
  client.open(kTags, MapKind::Or, "tags");
  client.open(kHits, MapKind::Counter, "hits");
  return client;
}

void write_all(World::Client& client, const std::string& name, int64_t steps) {
  client.set(kNotes, name, name);
  client.or_add(kTags, "tags", name);
  client.counter_add(kHits, "hits", steps);
}

void settle(World& world) {
  for (int i = 0; i < 4; ++i) {
    world.settle();
    world.advance(31'000);
  }
  world.settle();
}

}  // namespace

TEST_CASE("clone: the copy that comes second gets a new id, and every write counts once") {
  for (const bool copy_comes_first : {false, true}) {
    CAPTURE(copy_comes_first);
    World world({.shards = 3});
    World::Client& alice = new_client(world);
    alice.go_online();
    write_all(alice, "sent", 1);
    world.settle();
    alice.go_offline();
    write_all(alice, "both have it", 10);
    alice.store();
    World::Client& copy = world.clone_client(alice);
    write_all(alice, "of alice", 100);
    write_all(copy, "of the copy", 1'000);
    alice.store();
    copy.store();
    (copy_comes_first ? copy : alice).go_online();
    settle(world);
    (copy_comes_first ? alice : copy).go_online();
    settle(world);
    CHECK(alice.replaced.size() == (copy_comes_first ? 1 : 0));
    CHECK(copy.replaced.size() == (copy_comes_first ? 0 : 1));
    for (World::Client* client : {&alice, &copy}) {
      CHECK(client->counter(kHits, "hits") == 1'111);
      CHECK(client->entries(kNotes).size() == 4);
      CHECK(client->elements(kTags, "tags") ==
            std::vector<std::string>{"both have it", "of alice", "of the copy", "sent"});
      CHECK(client->pending() == 0);
    }
  }
}

}  // namespace topgun
