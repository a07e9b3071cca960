// State without identity: what any number of new replicas may start from.

#include <doctest/doctest.h>

#include "core/base/byte_io.hpp"
#include "tests/support/world.hpp"

namespace topgun {
namespace {

constexpr uint64_t kNotes = 1;
constexpr uint64_t kTags = 2;
constexpr uint64_t kHits = 3;

World::Client& online(World& world, World::Client& client) {
  client.open(kNotes, MapKind::Lww, "notes");
  client.open(kTags, MapKind::Or, "tags");
  client.open(kHits, MapKind::Counter, "hits");
  client.go_online();
  world.settle();
  return client;
}

std::map<std::string, Bytes> exported(World::Client& client) {
  const World::Client::Answer answer = client.command(client::Command::ExportState, {});
  CHECK(answer.error == 0);
  std::map<std::string, Bytes> rows;
  ByteReader in(answer.payload);
  while (!in.at_end()) {
    const std::string key(as_text(in.blob(64)));
    rows[key] = to_bytes(in.blob(answer.payload.size()));
  }
  CHECK(in.ok());
  return rows;
}

}  // namespace

TEST_CASE("export: replicas that start from it are new ones, and get only what changed since") {
  World world({.shards = 2});
  World::Client& alice = online(world, world.add_client());
  for (int i = 0; i < 2'000; ++i) alice.set(kNotes, "key" + std::to_string(i), "text");
  alice.or_add(kTags, "a", "tag");
  alice.counter_add(kHits, "n", 5);
  world.settle();
  const std::map<std::string, Bytes> rows = exported(alice);
  alice.set(kNotes, "key7", "later");
  world.settle();
  const node::ShardStats before = world.stats();
  for (int copy = 0; copy < 2; ++copy) {
    World::Client& bob = online(world, world.add_client(rows));
    CHECK(bob.get(kNotes, "key7") == "later");
    CHECK(bob.entries(kNotes).size() == 2'000);
    CHECK(bob.elements(kTags, "a") == std::vector<std::string>{"tag"});
    bob.counter_add(kHits, "n", 1);
    world.settle();
    CHECK(bob.replaced.empty());
    CHECK(bob.root(kNotes).hash == world.node_root(MapKind::Lww, "notes").hash);
  }
  CHECK(alice.counter(kHits, "n") == 7);
  CHECK(world.stats().repairs_started == before.repairs_started);
}

TEST_CASE("export: there is none while operations wait for the node") {
  World world({.shards = 1});
  World::Client& alice = online(world, world.add_client());
  alice.go_offline();
  alice.set(kNotes, "a", "mine");
  CHECK(alice.command(client::Command::ExportState, {}).error ==
        static_cast<uint16_t>(Error::NotReady));
}

}  // namespace topgun
