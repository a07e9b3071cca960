// What a client does about refusals that another attempt does not cure: it says less where too much
// was said, and else comes less and less often and tells the application why.

#include "core/client/refusals.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "tests/support/world.hpp"

namespace topgun {
namespace {

constexpr uint64_t kNotes = 1;
constexpr uint64_t kMinuteMs = 60'000;

World::Client& connected(World& world, bool uses_exchanges) {
  World::Client& client = world.add_client();
  client.use_exchanges(uses_exchanges);
  client.set_polling(0, 500, 8'000);
  client.open(kNotes, MapKind::Lww, "notes");
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

size_t errors_of(const World::Client& client, Error error) {
  return static_cast<size_t>(std::count(client.errors.begin(), client.errors.end(), error));
}

/// Takes the token `good` alone.
class OneToken : public node::Authenticator {
 public:
  Result<node::Principal> verify(ByteView token, uint64_t) const override {
    if (as_text(token) == "good") return node::Principal{};
    return Error::TokenInvalid;
  }
};

}  // namespace

TEST_CASE(
    "refusals: each in a row doubles the wait, up to five minutes, and is forgotten in time") {
  client::Refusals refusals;
  uint64_t now = 1'000'000;
  for (const uint64_t expected : {10'000, 20'000, 40'000, 80'000, 160'000, 300'000, 300'000}) {
    const uint64_t wait = refusals.next_wait_ms(now);
    CHECK(wait == expected);
    now += wait;
  }
  now += client::Refusals::kForgottenMs + 1;
  CHECK(refusals.next_wait_ms(now) == 10'000);
}

TEST_CASE("refusals: where requests are too large for the way, they get smaller until they pass") {
  World world({.shards = 2});
  World::Client& alice = connected(world, true);
  World::Client& bob = connected(world, false);
  alice.limit_requests(30'000);
  for (int i = 0; i < 2'000; ++i) alice.set(kNotes, std::to_string(i), std::string(100, 'x'));
  world.settle();
  pass(world, kMinuteMs);
  CHECK(alice.pending() == 0);
  CHECK(alice.errors.empty());
  CHECK(bob.entries(kNotes).size() == 2'000);
}

TEST_CASE("refusals: a write that never gets through is offered ever more rarely, with an error") {
  World world;
  World::Client& alice = connected(world, true);
  alice.limit_requests(20'000);
  alice.set(kNotes, "large", std::string(40'000, 'x'));
  world.settle();
  pass(world, kMinuteMs);
  CHECK(errors_of(alice, Error::TooLarge) >= 1);
  const uint64_t before = alice.requests;
  pass(world, 60 * kMinuteMs);
  CHECK(alice.requests > before);
  CHECK(alice.requests - before < 30);
  CHECK(alice.pending() == 1);
  alice.limit_requests(SIZE_MAX);
  pass(world, 6 * kMinuteMs);
  CHECK(alice.pending() == 0);
  CHECK(alice.get(kNotes, "large").size() == 40'000);
}

TEST_CASE("refusals: a bad token is shown ever more rarely, and a new one at once") {
  const OneToken authenticator;
  for (const bool uses_exchanges : {false, true}) {
    CAPTURE(uses_exchanges);
    World world({.authenticator = &authenticator});
    World::Client& alice = connected(world, uses_exchanges);
    pass(world, 10 * kMinuteMs);
    CHECK(errors_of(alice, Error::TokenInvalid) >= 2);
    CHECK(alice.connects < 10);
    alice.set_token("good");
    pass(world, 1'000);
    CHECK(alice.status() == client::Status::Online);
  }
}

TEST_CASE(
    "refusals: what a client brings back to a node that lost it goes in frames that it takes") {
  World world({.shards = 2, .has_log = false});
  World::Client& alice = connected(world, false);
  for (int i = 0; i < 20'000; ++i) {
    alice.set(kNotes, std::to_string(i), std::string(200, 'x'));
    if (i % 1'000 == 0) world.settle();
  }
  world.settle();
  // Without a log nothing is left.
  world.crash_node();
  world.settle();
  pass(world, 2 * kMinuteMs);
  CHECK(errors_of(alice, Error::TooLarge) == 0);
  CHECK(alice.root(kNotes).hash == world.node_root(MapKind::Lww, "notes").hash);
}

}  // namespace topgun
