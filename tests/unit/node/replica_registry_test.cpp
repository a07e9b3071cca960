// One replica, one holder: what the node remembers of replicas and whom it lets in.

#include "core/node/replica_registry.hpp"

#include <doctest/doctest.h>

#include "tests/support/world.hpp"

namespace topgun {
namespace {

constexpr uint64_t kNotes = 1;

World::Client& online_client(World& world) {
  World::Client& client = world.add_client();
  client.open(kNotes, MapKind::Lww, "notes");
  client.go_online();
  world.settle();
  return client;
}

void pass_time(World& world) {
  for (int i = 0; i < 8; ++i) {
    world.advance(10'000);
    world.settle();
  }
}

}  // namespace

TEST_CASE("registry: of two copies that are online at once, one takes a new id") {
  World world({.shards = 3});
  World::Client& alice = online_client(world);
  World::Client& copy = world.clone_client(alice);
  copy.go_online();
  pass_time(world);
  CHECK(alice.replaced.size() + copy.replaced.size() == 1);
  CHECK(alice.status() == client::Status::Online);
  CHECK(copy.status() == client::Status::Online);
  CHECK(world.stats().sessions == 2);
}

TEST_CASE("registry: a copy is known after the node was restarted") {
  World world({.shards = 2});
  World::Client& alice = online_client(world);
  World::Client& copy = world.clone_client(alice);
  alice.set(kNotes, "a", "1");
  world.settle();
  alice.go_offline();
  world.crash_node();
  copy.go_online();
  pass_time(world);
  CHECK(copy.replaced.size() == 1);
  alice.go_online();
  pass_time(world);
  CHECK(alice.replaced.empty());
}

TEST_CASE("registry: a client that lost operations the node has is an older copy of itself") {
  World world;
  World::Client& alice = online_client(world);
  alice.set(kNotes, "stored", "1");
  world.settle();
  alice.fail_storage(true);
  alice.set(kNotes, "never stored", "2");
  world.settle();
  REQUIRE(world.node_root(MapKind::Lww, "notes").records == 2);
  alice.fail_storage(false);
  alice.restart();
  pass_time(world);
  CHECK(alice.replaced.size() == 1);
  CHECK(alice.entries(kNotes).size() == 2);
}

TEST_CASE("registry: a replica not seen for as long as tombstones are kept is a new one") {
  node::ShardLimits limits;
  limits.tombstone_retention_ms = 60'000;
  World world({.limits = limits});
  World::Client& alice = online_client(world);
  World::Client& copy = world.clone_client(alice);
  alice.set(kNotes, "a", "1");
  world.settle();
  alice.go_offline();
  world.advance(61'000);
  copy.go_online();
  world.settle();
  CHECK(copy.replaced.empty());
}

TEST_CASE("registry: replicas beyond the limit are served without being watched") {
  node::ShardLimits limits;
  limits.replicas_max = 1;
  World world({.limits = limits});
  online_client(world);
  World::Client& bob = online_client(world);
  World::Client& copy = world.clone_client(bob);
  bob.set(kNotes, "a", "1");
  world.settle();
  bob.go_offline();
  copy.go_online();
  world.settle();
  CHECK(copy.status() == client::Status::Online);
  CHECK(copy.replaced.empty());
}

TEST_CASE("registry: its map can be neither read nor written by clients, and is not counted") {
  World world;
  World::Client& alice = online_client(world);
  CHECK(world.stats().sessions == 1);
  alice.open(2, MapKind::Lww, "$topgun.replicas");
  world.settle();
  REQUIRE(!alice.errors.empty());
  CHECK(alice.errors.back() == Error::Forbidden);
  alice.set(2, "0000000000000001", "forged");
  world.settle();
  REQUIRE(alice.rejected.size() == 1);
  CHECK(alice.rejected[0].error == Error::Forbidden);
  CHECK(world.node_root(MapKind::Lww, "$topgun.replicas").records == 1);
}

TEST_CASE("registry: what a client says before it is welcomed is held back, within bounds") {
  node::ShardOptions options;
  options.limits.frame_bytes_max = 1024;
  node::Shard shard(options);
  const Now now{1'700'000'000'000, 1'000};
  shard.connected({1}, now);
  Bytes frame;
  HelloMessage hello;
  hello.replica = {7};
  MessageWriter writer(frame);
  writer.hello(hello);
  writer.ping(42);
  shard.frame({1}, frame, now);
  shard.end_turn(now);
  const node::Effects effects = shard.take_effects();
  CHECK(effects.closes.empty());
  REQUIRE(effects.sends.size() == 1);
  FrameReader reader(*effects.sends[0].frame);
  CHECK(reader.next()->kind == static_cast<uint8_t>(MessageKind::Welcome));
  CHECK(reader.next()->kind == static_cast<uint8_t>(MessageKind::Pong));
}

}  // namespace topgun
