// A client and a node that speak in requests, each of which stands for itself.

#include <doctest/doctest.h>

#include "core/sync/messages.hpp"
#include "tests/support/world.hpp"

namespace topgun {
namespace {

constexpr uint64_t kNotes = 1;
constexpr uint64_t kTags = 2;
constexpr uint64_t kHits = 3;

void open_all(World::Client& client) {
  client.open(kNotes, MapKind::Lww, "notes");
  client.open(kTags, MapKind::Or, "tags");
  client.open(kHits, MapKind::Counter, "hits");
}

World::Client& polling_client(World& world) {
  World::Client& client = world.add_client();
  client.use_exchanges(true);
  client.set_polling(0, 500, 8'000);
  open_all(client);
  client.go_online();
  world.settle();
  return client;
}

World::Client& waiting_client(World& world) {
  World::Client& client = world.add_client();
  client.use_exchanges(true);
  client.set_polling(25'000, 500, 8'000);
  open_all(client);
  client.go_online();
  world.settle();
  return client;
}

World::Client& streaming_client(World& world) {
  World::Client& client = world.add_client();
  open_all(client);
  client.go_online();
  world.settle();
  return client;
}

void pass(World& world, uint64_t ms) {
  for (uint64_t passed = 0; passed < ms; passed += 250) {
    world.advance(250);
    world.settle();
  }
}

void check_same(World& world, World::Client& client) {
  CHECK(client.root(kNotes).hash == world.node_root(MapKind::Lww, "notes").hash);
  CHECK(client.root(kTags).hash == world.node_root(MapKind::Or, "tags").hash);
  CHECK(client.root(kHits).hash == world.node_root(MapKind::Counter, "hits").hash);
}

}  // namespace

TEST_CASE("exchange: writes go up, are acknowledged, and come down elsewhere") {
  for (const uint16_t shards : {1, 3}) {
    CAPTURE(shards);
    World world({.shards = shards});
    World::Client& alice = polling_client(world);
    World::Client& bob = polling_client(world);
    CHECK(alice.status() == client::Status::Online);
    alice.set(kNotes, "a", "1");
    alice.or_add(kTags, "t", "red");
    alice.counter_add(kHits, "h", 3);
    world.settle();
    CHECK(alice.pending() == 0);
    CHECK(alice.acked(2) == alice.last_sequence());
    pass(world, 10'000);
    CHECK(bob.get(kNotes, "a") == "1");
    CHECK(bob.elements(kTags, "t") == std::vector<std::string>{"red"});
    CHECK(bob.counter(kHits, "h") == 3);
    check_same(world, alice);
    check_same(world, bob);
    CHECK(world.stats().sessions == 0);
    CHECK(world.stats().subscriptions == 0);
  }
}

TEST_CASE("exchange: with a client on a stream it shares maps as if there were no difference") {
  World world({.shards = 2});
  World::Client& alice = polling_client(world);
  World::Client& bob = streaming_client(world);
  bob.set(kNotes, "b", "2");
  alice.set(kNotes, "a", "1");
  world.settle();
  CHECK(bob.get(kNotes, "a") == "1");
  pass(world, 10'000);
  CHECK(alice.get(kNotes, "b") == "2");
  check_same(world, alice);
}

TEST_CASE("exchange: an answer that is held back comes as soon as there is news") {
  World world({.shards = 2});
  World::Client& alice = waiting_client(world);
  World::Client& bob = streaming_client(world);
  const uint64_t before = alice.requests;
  pass(world, 5'000);
  CHECK(alice.requests == before);
  bob.set(kNotes, "b", "2");
  world.settle();
  CHECK(alice.get(kNotes, "b") == "2");
  CHECK(alice.requests == before + 1);
  // What it writes itself is not news, and does not wait behind the question either.
  alice.set(kNotes, "a", "1");
  world.settle();
  CHECK(bob.get(kNotes, "a") == "1");
  CHECK(alice.pending() == 0);
  CHECK(alice.requests == before + 2);
  pass(world, 30'000);
  CHECK(alice.requests <= before + 4);
  CHECK(alice.status() == client::Status::Online);
  check_same(world, alice);
}

TEST_CASE("exchange: with nothing new, request and answer stay below 200 bytes") {
  World world;
  World::Client& alice = world.add_client();
  alice.use_exchanges(true);
  alice.open(kNotes, MapKind::Lww, "notes");
  alice.go_online();
  world.settle();
  for (int i = 0; i < 100; ++i) alice.set(kNotes, std::to_string(i), "value");
  world.settle();
  pass(world, 40'000);
  const uint64_t before = alice.requests;
  pass(world, 60'000);
  CHECK(alice.requests > before);
  CHECK(alice.request_bytes <= 200);
  CHECK(alice.answer_bytes <= 60);
}

TEST_CASE("exchange: an answer that was held back says nothing about the clock") {
  World world;
  World::Client& alice = waiting_client(world);
  World::Client& bob = streaming_client(world);
  pass(world, 24'000);
  bob.set(kNotes, "b", "2");
  world.settle();
  CHECK(alice.get(kNotes, "b") == "2");
  CHECK(alice.errors.empty());
}

TEST_CASE("exchange: an answer that was held back tells that it is not earlier than that") {
  World world;
  World::Client& alice = waiting_client(world);
  World::Client& bob = streaming_client(world);
  alice.skew_clock(-3'600'000);
  pass(world, 1'000);
  bob.set(kNotes, "b", "1");
  world.settle();
  CHECK(alice.get(kNotes, "b") == "1");
  // What she had read does not overrule what she writes then.
  alice.set(kNotes, "b", "2");
  world.settle();
  CHECK(alice.get(kNotes, "b") == "2");
  CHECK(bob.get(kNotes, "b") == "2");
}

TEST_CASE("exchange: questions become rare while nothing happens, and frequent when it does") {
  World world;
  World::Client& alice = polling_client(world);
  pass(world, 60'000);
  uint64_t before = alice.requests;
  pass(world, 16'000);
  CHECK(alice.requests - before <= 2);
  alice.set(kNotes, "a", "1");
  world.settle();
  before = alice.requests;
  pass(world, 2'000);
  CHECK(alice.requests - before >= 2);
  alice.set_polling(0, 500, 0);
  pass(world, 10'000);
  before = alice.requests;
  pass(world, 100'000);
  CHECK(alice.requests == before);
  alice.command(client::Command::Refresh, {});
  world.settle();
  CHECK(alice.requests == before + 1);
}

TEST_CASE("exchange: a lost answer is made good by the next request") {
  for (const bool doubled : {false, true}) {
    CAPTURE(doubled);
    World world({.shards = 2});
    World::Client& alice = polling_client(world);
    World::Client& bob = streaming_client(world);
    alice.double_requests(doubled);
    for (int round = 0; round < 5; ++round) {
      alice.lose_answers(1);
      alice.set(kNotes, "n" + std::to_string(round), "x");
      alice.counter_add(kHits, "h", 1);
      bob.counter_add(kHits, "h", 10);
      pass(world, 3'000);
    }
    pass(world, 60'000);
    CHECK(alice.pending() == 0);
    CHECK(alice.counter(kHits, "h") == 55);
    CHECK(bob.counter(kHits, "h") == 55);
    CHECK(alice.replaced.empty());
    check_same(world, alice);
    check_same(world, bob);
  }
}

TEST_CASE("exchange: a map that does not fit in one answer comes in several") {
  World world({.shards = 3, .limits = {.credit_bytes = 20'000}});
  World::Client& bob = streaming_client(world);
  for (int i = 0; i < 3'000; ++i) {
    bob.set(kNotes, "key" + std::to_string(i), std::string(100, 'x'));
    if (i % 200 == 0) world.settle();
  }
  world.settle();
  World::Client& alice = world.add_client();
  alice.use_exchanges(true);
  open_all(alice);
  alice.go_online();
  // Somebody writes between two answers.
  for (int i = 0; i < 10; ++i) {
    world.deliver_some(3);
    bob.set(kNotes, "late" + std::to_string(i), "y");
  }
  world.settle();
  pass(world, 60'000);
  CHECK(alice.requests > 3);
  CHECK(alice.entries(kNotes).size() == 3'010);
  check_same(world, alice);
}

TEST_CASE("exchange: replicas that drifted apart compare trees over several requests") {
  World world({.shards = 2});
  World::Client& bob = streaming_client(world);
  World::Client& alice = polling_client(world);
  for (int i = 0; i < 2'000; ++i) bob.set(kNotes, "key" + std::to_string(i), "x");
  world.settle();
  pass(world, 20'000);
  alice.go_offline();
  for (int i = 0; i < 100; ++i) {
    bob.set(kNotes, "key" + std::to_string(i * 20), "bob");
    alice.set(kNotes, "key" + std::to_string(i * 20 + 1), "alice");
  }
  world.settle();
  // Another incarnation: cursors are worth nothing.
  world.crash_node();
  world.settle();
  pass(world, 30'000);
  const uint64_t repairs = world.stats().repairs_started;
  alice.go_online();
  world.settle();
  pass(world, 60'000);
  CHECK(world.stats().repairs_started > repairs);
  CHECK(alice.get(kNotes, "key20") == "bob");
  CHECK(bob.get(kNotes, "key21") == "alice");
  check_same(world, alice);
  check_same(world, bob);
}

TEST_CASE("exchange: a request that a later one overtook is not taken for that of a copy") {
  World world({.shards = 2});
  World::Client& alice = polling_client(world);
  alice.counter_add(kHits, "n", 1);
  world.settle();
  for (int i = 0; i < 20; ++i) {
    alice.command(client::Command::Refresh, {});
    alice.counter_add(kHits, "n", 1);
    alice.store();
    alice.reorder_requests(true);
    world.settle();
    pass(world, 1'000);
  }
  CHECK(alice.replaced.empty());
  CHECK(alice.counter(kHits, "n") == 21);
  check_same(world, alice);
}

TEST_CASE("exchange: no request grows beyond what a node takes, however much is to be said") {
  World world({.shards = 2});
  World::Client& alice = polling_client(world);
  World::Client& bob = polling_client(world);
  for (int i = 0; i < 3'000; ++i) {
    alice.set(kNotes, "key" + std::to_string(i), std::string(700, 'x'));
    // Questions are asked, and trees compared, while the outbox is on its way.
    if (i % 500 == 0) world.settle();
  }
  world.settle();
  pass(world, 120'000);
  CHECK(alice.request_bytes_max < 1024 * 1024);
  check_same(world, alice);
  pass(world, 20'000);
  check_same(world, bob);
}

TEST_CASE("exchange: the transport may change at any time, and nothing is lost or doubled") {
  World world({.shards = 2});
  World::Client& bob = streaming_client(world);
  World::Client& alice = polling_client(world);
  for (int round = 0; round < 20; ++round) {
    alice.use_exchanges(round % 2 == 0);
    alice.counter_add(kHits, "h", 1);
    alice.or_add(kTags, "t", "r" + std::to_string(round));
    alice.cut();
    bob.counter_add(kHits, "h", 100);
    pass(world, 1'000);
  }
  pass(world, 60'000);
  CHECK(alice.counter(kHits, "h") == 2'020);
  CHECK(bob.counter(kHits, "h") == 2'020);
  CHECK(bob.elements(kTags, "t").size() == 20);
  CHECK(alice.replaced.empty());
  check_same(world, alice);
}

TEST_CASE("exchange: of two copies of one replica, one goes on under another id") {
  World world({.shards = 2});
  World::Client& alice = polling_client(world);
  alice.counter_add(kHits, "h", 1);
  world.settle();
  alice.restart();
  world.settle();
  World::Client& copy = world.clone_client(alice);
  copy.use_exchanges(true);
  copy.go_online();
  world.settle();
  alice.counter_add(kHits, "h", 10);
  pass(world, 2'000);
  copy.counter_add(kHits, "h", 100);
  pass(world, 60'000);
  CHECK(alice.replaced.size() + copy.replaced.size() >= 1);
  CHECK(alice.counter(kHits, "h") == 111);
  CHECK(copy.counter(kHits, "h") == 111);
}

TEST_CASE("exchange: refused writes are taken back, and the node's state comes instead") {
  World world;
  World::Client& alice = polling_client(world);
  World::Client& bob = streaming_client(world);
  bob.set(kNotes, "a", "bob");
  pass(world, 10'000);
  alice.skew_clock(3'600'000);
  alice.set(kNotes, "a", "from the future");
  world.settle();
  pass(world, 20'000);
  CHECK(alice.pending() == 0);
  CHECK(bob.get(kNotes, "a") == alice.get(kNotes, "a"));
  check_same(world, alice);
}

TEST_CASE("exchange: writes that the node puts off are offered again later") {
  World world;
  World::Client& alice = polling_client(world);
  world.fail_log(Error::StorageFull);
  alice.set(kNotes, "a", "1");
  world.settle();
  pass(world, 5'000);
  CHECK(alice.pending() == 1);
  world.recover_log();
  pass(world, 10'000);
  CHECK(alice.pending() == 0);
  check_same(world, alice);
}

TEST_CASE("exchange: the rate of operations is that of the replica, not of the request") {
  World world({.limits = {.operations_per_second = 10, .operations_burst = 20}});
  World::Client& alice = polling_client(world);
  for (int i = 0; i < 40; ++i) {
    alice.set(kNotes, std::to_string(i), "x");
    world.settle();
  }
  CHECK(alice.pending() > 0);
  pass(world, 10'000);
  CHECK(alice.pending() == 0);
  check_same(world, alice);
}

TEST_CASE("exchange: a client behind the horizon starts anew, even in several answers") {
  World world({.limits = {.credit_bytes = 5'000, .tombstone_retention_ms = 60'000}});
  World::Client& bob = streaming_client(world);
  World::Client& alice = polling_client(world);
  for (int i = 0; i < 300; ++i) bob.set(kNotes, "key" + std::to_string(i), std::string(50, 'x'));
  world.settle();
  pass(world, 10'000);
  alice.go_offline();
  bob.remove(kNotes, "key7");
  for (int i = 0; i < 300; ++i) pass(world, 1'000);
  alice.go_online();
  pass(world, 20'000);
  CHECK(alice.get(kNotes, "key7").empty());
  CHECK(alice.entries(kNotes).size() == 299);
  CHECK(world.stats().resyncs_forced == 1);
  check_same(world, alice);
}

}  // namespace topgun
