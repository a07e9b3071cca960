#include <doctest/doctest.h>

#include "tests/support/world.hpp"

namespace topgun {
namespace {

constexpr uint64_t kNotes = 1;
constexpr uint8_t kMemory = 1;
constexpr uint8_t kLocal = 2;

World::Client& online_client(World& world, MapKind kind = MapKind::Lww) {
  World::Client& client = world.add_client();
  client.open(kNotes, kind, "notes");
  client.go_online();
  world.settle();
  REQUIRE(client.status() == client::Status::Online);
  return client;
}

bool same_root(const node::Shard::Root& left, const node::Shard::Root& right) {
  return left.hash == right.hash && left.records == right.records;
}

struct Case {
  const char* name;
  World::Options options;
};

const Case kNodes[] = {{"one shard", {.shards = 1}},
                       {"three shards", {.shards = 3}},
                       {"memory only", {.shards = 2, .has_log = false}}};

}  // namespace

TEST_CASE("client: a write reaches another client while both are online") {
  for (const Case& node : kNodes) {
    CAPTURE(node.name);
    World world(node.options);
    World::Client& alice = online_client(world);
    World::Client& bob = online_client(world);
    CHECK(alice.set(kNotes, "a", "one") == kNoError);
    CHECK(alice.set(kNotes, "b", "two") == kNoError);
    CHECK(alice.remove(kNotes, "b") == kNoError);
    world.settle();
    CHECK(bob.get(kNotes, "a") == "one");
    CHECK(bob.get(kNotes, "b").empty());
    CHECK(same_root(alice.root(kNotes), bob.root(kNotes)));
    CHECK(same_root(alice.root(kNotes), world.node_root(MapKind::Lww, "notes")));
    CHECK(alice.root(kNotes).records == 2);  // The tombstone is state as well.
  }
}

TEST_CASE("client: writes made offline are sent after the connection is back, the later one wins") {
  World world({.shards = 2});
  World::Client& alice = online_client(world);
  World::Client& bob = online_client(world);
  alice.set(kNotes, "shared", "before");
  world.settle();
  alice.go_offline();
  alice.set(kNotes, "shared", "from alice");
  alice.set(kNotes, "hers", "x");
  world.advance(1000);
  bob.set(kNotes, "shared", "from bob");
  world.settle();
  CHECK(alice.get(kNotes, "shared") == "from alice");
  CHECK(alice.pending() == 2);
  alice.go_online();
  world.settle();
  CHECK(alice.get(kNotes, "shared") == "from bob");
  CHECK(bob.get(kNotes, "shared") == "from bob");
  CHECK(bob.get(kNotes, "hers") == "x");
  CHECK(alice.pending() == 0);
  CHECK(same_root(alice.root(kNotes), world.node_root(MapKind::Lww, "notes")));
}

TEST_CASE("client: acks name the level, and local comes only after the log is durable") {
  World world({.shards = 2});
  World::Client& alice = online_client(world);
  world.hold_log(true);
  for (int i = 0; i < 10; ++i) alice.set(kNotes, "k" + std::to_string(i), "v");
  world.settle();
  const uint64_t last = alice.last_sequence();
  CHECK(alice.acked(kMemory) == last);
  CHECK(alice.acked(kLocal) < last);
  CHECK(alice.pending() == 10);
  world.hold_log(false);
  world.settle();
  CHECK(alice.acked(kLocal) == last);
  CHECK(alice.pending() == 0);
}

TEST_CASE("client: a node without a log acks memory and the outbox empties") {
  World world({.has_log = false});
  World::Client& alice = online_client(world);
  alice.set(kNotes, "a", "1");
  world.settle();
  CHECK(alice.acked(kMemory) == alice.last_sequence());
  CHECK(alice.acked(kLocal) == 0);
  CHECK(alice.pending() == 0);
}

TEST_CASE("client: what was acked at local survives a crash of the node, the rest is sent again") {
  World world({.shards = 2});
  World::Client& alice = online_client(world);
  World::Client& bob = online_client(world);
  alice.set(kNotes, "durable", "yes");
  world.settle();
  world.hold_log(true);
  alice.set(kNotes, "volatile", "maybe");
  world.settle();
  CHECK(bob.get(kNotes, "volatile") == "maybe");
  world.crash_node();
  CHECK(world.node_root(MapKind::Lww, "notes").records == 1);
  world.hold_log(false);
  world.advance(60'000);
  world.settle();
  CHECK(world.node_root(MapKind::Lww, "notes").records == 2);
  CHECK(same_root(alice.root(kNotes), world.node_root(MapKind::Lww, "notes")));
  CHECK(same_root(bob.root(kNotes), world.node_root(MapKind::Lww, "notes")));
  CHECK(alice.pending() == 0);
}

TEST_CASE("client: a node that lost records gets them back from a client by repair") {
  World world({.shards = 2});
  World::Client& alice = online_client(world);
  World::Client& bob = online_client(world);
  world.hold_log(true);
  for (int i = 0; i < 40; ++i) alice.set(kNotes, "k" + std::to_string(i), "v");
  world.settle();
  REQUIRE(bob.entries(kNotes).size() == 40);
  alice.cut();
  alice.go_offline();  // Its outbox will not come to the rescue.
  world.crash_node();
  CHECK(world.node_root(MapKind::Lww, "notes").records == 0);
  world.hold_log(false);
  world.advance(60'000);
  world.settle();
  CHECK(world.stats().repairs_started >= 1);
  CHECK(world.node_root(MapKind::Lww, "notes").records == 40);
  CHECK(same_root(bob.root(kNotes), world.node_root(MapKind::Lww, "notes")));
}

TEST_CASE("client: a restart brings back entries, outbox and identity from storage") {
  World world;
  World::Client& alice = online_client(world);
  alice.set(kNotes, "sent", "1");
  world.settle();
  alice.go_offline();
  alice.set(kNotes, "unsent", "2");
  world.settle();
  const uint64_t before = alice.last_sequence();
  alice.restart();
  CHECK(alice.get(kNotes, "sent") == "1");
  CHECK(alice.get(kNotes, "unsent") == "2");
  CHECK(alice.pending() == 1);
  CHECK(alice.last_sequence() > before);  // Sequences are never issued twice.
  alice.go_online();
  world.settle();
  CHECK(alice.pending() == 0);
  CHECK(same_root(alice.root(kNotes), world.node_root(MapKind::Lww, "notes")));
}

TEST_CASE("client: an operation is not sent before it is stored") {
  World world;
  World::Client& alice = online_client(world);
  alice.hold_storage(true);
  alice.set(kNotes, "a", "1");
  world.settle();
  CHECK(world.node_root(MapKind::Lww, "notes").records == 0);
  alice.hold_storage(false);
  world.settle();
  CHECK(world.node_root(MapKind::Lww, "notes").records == 1);
}

TEST_CASE("client: storage that fails is reported, and everything is stored once it works again") {
  World world;
  World::Client& alice = online_client(world);
  alice.fail_storage(true);
  alice.set(kNotes, "a", "1");
  world.settle();
  REQUIRE(alice.errors.size() == 1);
  CHECK(alice.errors[0] == Error::StorageFull);
  alice.set(kNotes, "b", "2");
  world.settle();
  CHECK(world.node_root(MapKind::Lww, "notes").records == 2);
  alice.fail_storage(false);
  world.advance(10'000);
  world.settle();
  alice.restart();
  CHECK(alice.get(kNotes, "a") == "1");
  CHECK(alice.get(kNotes, "b") == "2");
}

TEST_CASE("client: after storing failed, what was stored before it is replaced") {
  World world;
  World::Client& alice = online_client(world);
  for (int i = 0; i < 5; ++i) {
    alice.set(kNotes, "a", std::to_string(i));
    world.settle();
  }
  const size_t rows_before = alice.rows().size();
  alice.fail_storage(true);
  alice.set(kNotes, "a", "5");
  // Tried again and again; each attempt is to delete what was there when it began to fail.
  for (int second = 0; second < 20; ++second) {
    world.advance(1'000);
    world.settle();
  }
  CHECK(alice.rows().size() == rows_before);
  alice.fail_storage(false);
  world.advance(10'000);
  world.settle();
  CHECK(alice.rows().size() == 2);  // The manifest and one page.
}

TEST_CASE("client: damaged rows are reported and healed from the node") {
  World world;
  World::Client& alice = online_client(world);
  for (int i = 0; i < 20; ++i) {
    alice.set(kNotes, "k" + std::to_string(i), "v");
    world.settle();
  }
  alice.damage_row("j");
  alice.restart();
  REQUIRE(!alice.errors.empty());
  CHECK(alice.errors.back() == Error::StorageCorrupt);
  world.settle();
  CHECK(alice.entries(kNotes).size() == 20);
  CHECK(same_root(alice.root(kNotes), world.node_root(MapKind::Lww, "notes")));
}

TEST_CASE("client: an OR add that a remove has not seen survives it") {
  World world({.shards = 2});
  World::Client& alice = online_client(world, MapKind::Or);
  World::Client& bob = online_client(world, MapKind::Or);
  alice.or_add(kNotes, "tags", "red");
  world.settle();
  CHECK(bob.elements(kNotes, "tags") == std::vector<std::string>{"red"});
  bob.go_offline();
  bob.or_add(kNotes, "tags", "red");
  alice.or_remove(kNotes, "tags", "red");
  alice.or_add(kNotes, "tags", "blue");
  world.settle();
  bob.go_online();
  world.settle();
  const std::vector<std::string> both = {"blue", "red"};
  CHECK(alice.elements(kNotes, "tags") == both);
  CHECK(bob.elements(kNotes, "tags") == both);
  CHECK(same_root(alice.root(kNotes), bob.root(kNotes)));
  CHECK(same_root(alice.root(kNotes), world.node_root(MapKind::Or, "notes")));
}

TEST_CASE("client: counters add up over replicas, restarts and repeated delivery") {
  World world({.shards = 2});
  World::Client& alice = online_client(world, MapKind::Counter);
  World::Client& bob = online_client(world, MapKind::Counter);
  alice.counter_add(kNotes, "hits", 5);
  bob.counter_add(kNotes, "hits", -2);
  world.settle();
  alice.go_offline();
  alice.counter_add(kNotes, "hits", 10);
  world.settle();
  alice.restart();
  CHECK(alice.counter(kNotes, "hits") == 13);
  alice.counter_add(kNotes, "hits", 1);
  alice.go_online();
  world.settle();
  world.crash_node();
  world.advance(60'000);
  world.settle();
  CHECK(alice.counter(kNotes, "hits") == 14);
  CHECK(bob.counter(kNotes, "hits") == 14);
}

TEST_CASE("client: the stored form of many overwrites stays as small as the state") {
  World world;
  World::Client& alice = world.add_client();
  alice.open(kNotes, MapKind::Lww, "notes");
  const auto write = [&](int count) {
    for (int i = 0; i < count; ++i) {
      alice.set(kNotes, "key" + std::to_string(i % 100), "value " + std::to_string(i));
      world.settle();
    }
  };
  write(1000);
  const size_t before = alice.stored_bytes();
  write(50'000);
  CHECK(alice.stored_bytes() < before + 128 * 1024);
  alice.restart();
  CHECK(alice.entries(kNotes).size() == 100);
  CHECK(alice.get(kNotes, "key99") == "value 49999");
  alice.go_online();
  world.settle();
  CHECK(same_root(alice.root(kNotes), world.node_root(MapKind::Lww, "notes")));
  CHECK(alice.pending() == 0);
}

TEST_CASE("client: a replica from before the horizon is resynced, and nothing resurrects") {
  World world;
  World::Client& alice = online_client(world);
  World::Client& bob = online_client(world);
  alice.set(kNotes, "deleted", "old");
  alice.set(kNotes, "kept", "old");
  world.settle();
  alice.go_offline();
  alice.set(kNotes, "mine", "written offline");
  world.settle();
  bob.remove(kNotes, "deleted");
  world.settle();
  // Long enough for the tombstone to be collected: twice the retention.
  constexpr uint64_t kDayMs = 24ull * 3600 * 1000;
  for (int day = 0; day < 70; ++day) {
    world.advance(kDayMs);
    world.settle();
  }
  CHECK(world.node_root(MapKind::Lww, "notes").records == 1);
  alice.go_online();
  world.settle();
  CHECK(world.stats().resyncs_forced == 1);
  CHECK(alice.get(kNotes, "deleted").empty());
  CHECK(alice.get(kNotes, "kept") == "old");
  CHECK(alice.get(kNotes, "mine") == "written offline");
  CHECK(bob.get(kNotes, "deleted").empty());
  CHECK(bob.get(kNotes, "mine") == "written offline");
  CHECK(same_root(alice.root(kNotes), world.node_root(MapKind::Lww, "notes")));
  CHECK(alice.pending() == 0);
}

TEST_CASE("client: a full log puts writes off, and they arrive once there is space") {
  World world;
  World::Client& alice = online_client(world);
  world.fail_log(Error::StorageFull);
  alice.set(kNotes, "a", "1");
  world.settle();
  REQUIRE(!alice.errors.empty());
  CHECK(alice.errors.back() == Error::ReadOnly);
  CHECK(alice.get(kNotes, "a") == "1");
  CHECK(alice.rejected.empty());
  world.recover_log();
  world.advance(5'000);
  world.settle();
  CHECK(world.node_root(MapKind::Lww, "notes").records == 1);
  CHECK(alice.pending() == 0);
}

TEST_CASE(
    "client: what a stopped log has taken is acked when it works, and what it put off still "
    "comes") {
  World world;
  World::Client& alice = online_client(world);
  world.hold_log(true);
  alice.set(kNotes, "taken", "1");
  world.settle();
  world.fail_log(Error::StorageFull);
  alice.set(kNotes, "put off", "2");
  world.settle();
  // Both are offered again, and put off once more: the node sees the first for the second time.
  world.advance(1'500);
  world.settle();
  CHECK(alice.pending() == 2);
  // The log's own backlog is durable before the client comes again; it has only the rest to offer.
  world.hold_log(false);
  world.recover_log();
  world.settle();
  CHECK(alice.pending() == 1);
  world.advance(5'000);
  world.settle();
  CHECK(alice.pending() == 0);
  CHECK(world.node_root(MapKind::Lww, "notes").records == 2);
}

TEST_CASE(
    "client: a clock that is a day wrong is reported, and its writes are stamped by node time") {
  for (const int64_t skew_ms : {-86'400'000, 86'400'000}) {
    CAPTURE(skew_ms);
    World world;
    World::Client& alice = world.add_client();
    World::Client& bob = online_client(world);
    alice.skew_clock(skew_ms);
    alice.open(kNotes, MapKind::Lww, "notes");
    alice.go_online();
    world.settle();
    CHECK(alice.errors == std::vector<Error>{Error::ClockDrift});
    bob.set(kNotes, "a", "from bob");
    world.settle();
    world.advance(10);
    alice.set(kNotes, "a", "from alice, later");
    world.settle();
    CHECK(alice.rejected.empty());
    CHECK(bob.get(kNotes, "a") == "from alice, later");
  }
}

TEST_CASE("client: a write stamped in the far future is refused, taken back and reported") {
  World world;
  World::Client& bob = online_client(world);
  bob.set(kNotes, "a", "original");
  world.settle();
  World::Client& alice = world.add_client();
  alice.open(kNotes, MapKind::Lww, "notes");
  alice.skew_clock(86'400'000);
  alice.set(kNotes, "a", "from tomorrow");
  alice.set(kNotes, "new", "from tomorrow");
  world.settle();
  alice.go_online();
  world.settle();
  REQUIRE(alice.rejected.size() == 2);
  CHECK(alice.rejected[0].error == Error::ClockDrift);
  CHECK(alice.rejected[0].key == "a");
  CHECK(alice.get(kNotes, "a") == "original");
  CHECK(alice.get(kNotes, "new").empty());
  CHECK(bob.get(kNotes, "a") == "original");
  CHECK(alice.pending() == 0);
  CHECK(same_root(alice.root(kNotes), world.node_root(MapKind::Lww, "notes")));
}

}  // namespace topgun
