// Connections that break before everything is said: what was said counts, so that a client catches
// up however little fits into each of them.

#include <doctest/doctest.h>

#include "tests/support/world.hpp"

namespace topgun {
namespace {

constexpr uint64_t kNotes = 1;
constexpr uint64_t kTags = 2;

World::Client& streaming_client(World& world) {
  World::Client& client = world.add_client();
  client.open(kNotes, MapKind::Lww, "notes");
  client.open(kTags, MapKind::Or, "tags");
  client.go_online();
  world.settle();
  return client;
}

void write_some(World& world, World::Client& client, int count, const std::string& text) {
  for (int i = 0; i < count; ++i) {
    client.set(kNotes, text + std::to_string(i), std::string(200, 'x'));
    client.or_add(kTags, "bag", text + std::to_string(i));
    if (i % 500 == 0) world.settle();
  }
  world.settle();
}

/// The other end of a proxy that lets so many messages through before it cuts the connection.
void connect_briefly(World& world, World::Client& client, size_t messages) {
  for (int waited = 0; client.status() != client::Status::Online && waited < 200; ++waited) {
    world.advance(250);
    world.deliver_some(messages);
  }
  world.deliver_some(messages);
  client.cut();
}

bool is_same(World& world, World::Client& client) {
  return client.root(kNotes).hash == world.node_root(MapKind::Lww, "notes").hash &&
         client.root(kTags).hash == world.node_root(MapKind::Or, "tags").hash;
}

}  // namespace

TEST_CASE("short connections: what changed meanwhile comes piece by piece, and no piece twice") {
  World world({.shards = 2, .limits = {.credit_bytes = 256 * 1024}});
  World::Client& alice = streaming_client(world);
  World::Client& bob = streaming_client(world);
  write_some(world, bob, 100, "early");
  alice.go_offline();
  write_some(world, bob, 8'000, "late");
  const uint64_t sent = world.stats().records_sent;
  alice.go_online();
  int connections = 0;
  while (!is_same(world, alice) && connections < 100) {
    connect_briefly(world, alice, 30);
    ++connections;
  }
  CAPTURE(connections);
  CHECK(connections > 2);
  CHECK(is_same(world, alice));
  CHECK(world.stats().repairs_started == 0);
  // In messages of some hundred records.
  CHECK(world.stats().records_sent - sent < 500);
}

TEST_CASE("short connections: a snapshot goes on where it stood") {
  World world({.shards = 2, .limits = {.credit_bytes = 256 * 1024}});
  World::Client& bob = streaming_client(world);
  write_some(world, bob, 8'000, "early");
  World::Client& alice = world.add_client();
  alice.open(kNotes, MapKind::Lww, "notes");
  alice.open(kTags, MapKind::Or, "tags");
  alice.go_online();
  int connections = 0;
  while (!is_same(world, alice) && connections < 100) {
    connect_briefly(world, alice, 30);
    bob.set(kNotes, "early" + std::to_string(connections), "changed");
    ++connections;
  }
  CAPTURE(connections);
  CHECK(connections > 2);
  CHECK(is_same(world, alice));
  CHECK(world.stats().repairs_started == 0);
  CHECK(alice.get(kNotes, "early0") == "changed");
}

TEST_CASE("short connections: the first answer to a request is small, and later ones are not") {
  World world({.shards = 2});
  World::Client& bob = streaming_client(world);
  write_some(world, bob, 8'000, "early");
  World::Client& alice = world.add_client();
  alice.use_exchanges(true);
  alice.set_polling(0, 500, 8'000);
  alice.open(kNotes, MapKind::Lww, "notes");
  alice.go_online();
  std::vector<size_t> answers;
  for (int i = 0; i < 1'000 && answers.size() < 5; ++i) {
    world.deliver_some(1);
    if (alice.answer_bytes == 0) continue;
    answers.push_back(alice.answer_bytes);
    alice.answer_bytes = 0;
  }
  REQUIRE(answers.size() >= 3);
  CHECK(answers[0] < 200'000);
  CHECK(answers[2] > answers[0]);
  world.settle();
  CHECK(alice.root(kNotes).hash == world.node_root(MapKind::Lww, "notes").hash);
}

TEST_CASE("short connections: comparisons follow each other as long as they get far") {
  World world({.shards = 1, .limits = {.changes_max = 16}});
  World::Client& alice = streaming_client(world);
  World::Client& bob = streaming_client(world);
  const auto write = [&](const std::string& prefix) {
    for (int i = 0; i < 40'000; ++i) {
      bob.set(kNotes, prefix + std::to_string(i), "x");
      if (i % 1'000 == 0) world.settle();
    }
    world.settle();
  };
  write("early");
  alice.go_offline();
  // More than the node remembers, and more than one comparison may name.
  write("late");
  alice.go_online();
  world.settle();
  CHECK(world.stats().repairs_started > 3);
  CHECK(is_same(world, alice));
}

}  // namespace topgun
