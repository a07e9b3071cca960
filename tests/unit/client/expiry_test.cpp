#include <doctest/doctest.h>

#include "core/replica/expiry_schedule.hpp"
#include "tests/support/world.hpp"

namespace topgun {
namespace {

constexpr uint64_t kNotes = 1;
constexpr uint64_t kDayMs = 24ull * 3600 * 1000;

World::Client& online_client(World& world, MapKind kind = MapKind::Lww) {
  World::Client& client = world.add_client();
  client.open(kNotes, kind, "notes");
  client.go_online();
  world.settle();
  return client;
}

}  // namespace

TEST_CASE("expiry schedule: entries are due in the order of their times, and equal ones are kept") {
  ExpirySchedule schedule;
  CHECK_FALSE(schedule.next_ms().has_value());
  schedule.add({20, 1, 7});
  schedule.add({10, 1, 8});
  schedule.add({10, 1, 8});
  schedule.add({15, 2, 9});
  CHECK(schedule.next_ms() == 10);
  CHECK_FALSE(schedule.take_due(9).has_value());
  schedule.remove({10, 1, 8});
  schedule.remove({11, 1, 8});
  CHECK(schedule.take_due(10)->placement == 8);
  CHECK_FALSE(schedule.take_due(10).has_value());
  schedule.remove_map(2);
  CHECK(schedule.take_due(UINT64_MAX)->placement == 7);
  CHECK(schedule.size() == 0);
}

TEST_CASE("client: an entry that expires is reported absent, to its author and to others") {
  World world({.shards = 2});
  World::Client& alice = online_client(world);
  World::Client& bob = online_client(world);
  alice.set(kNotes, "short", "1", 5'000);
  alice.set(kNotes, "long", "2", 9'000);
  alice.set(kNotes, "for ever", "3");
  world.settle();
  CHECK(bob.entries(kNotes).size() == 3);
  world.advance(4'999);
  CHECK(alice.entries(kNotes).size() == 3);
  CHECK(bob.entries(kNotes).size() == 3);
  world.advance(1);
  CHECK(alice.get(kNotes, "short").empty());
  CHECK(bob.get(kNotes, "short").empty());
  world.advance(4'000);
  CHECK(alice.entries(kNotes).size() == 1);
  CHECK(bob.entries(kNotes).size() == 1);
}

TEST_CASE("client: a write replaces the time to live of the one before") {
  World world;
  World::Client& alice = online_client(world);
  alice.set(kNotes, "prolonged", "1", 1'000);
  alice.set(kNotes, "kept", "1", 1'000);
  world.advance(500);
  alice.set(kNotes, "prolonged", "2", 1'000);
  alice.set(kNotes, "kept", "2");
  world.advance(500);
  CHECK(alice.get(kNotes, "prolonged") == "2");
  world.advance(500);
  CHECK(alice.get(kNotes, "prolonged").empty());
  world.advance(kDayMs);
  CHECK(alice.get(kNotes, "kept") == "2");
}

TEST_CASE("client: what expired while the client was closed is absent after its restart") {
  World world;
  World::Client& alice = world.add_client();
  alice.open(kNotes, MapKind::Lww, "notes");
  alice.set(kNotes, "gone by then", "1", 1'000);
  alice.set(kNotes, "gone later", "2", 5'000);
  world.settle();
  world.advance(3'000);
  alice.restart();
  CHECK(alice.entries(kNotes).size() == 1);
  CHECK(alice.get(kNotes, "gone later") == "2");
  world.advance(2'000);
  CHECK(alice.entries(kNotes).empty());
}

TEST_CASE("client: elements of an OR map expire one by one") {
  World world;
  World::Client& alice = online_client(world, MapKind::Or);
  World::Client& bob = online_client(world, MapKind::Or);
  alice.or_add(kNotes, "tags", "brief", 1'000);
  alice.or_add(kNotes, "tags", "brief", 1'000);
  alice.or_add(kNotes, "tags", "lasting");
  world.settle();
  CHECK(bob.elements(kNotes, "tags").size() == 3);
  world.advance(1'000);
  CHECK(alice.elements(kNotes, "tags") == std::vector<std::string>{"lasting"});
  CHECK(bob.elements(kNotes, "tags") == std::vector<std::string>{"lasting"});
}

TEST_CASE("client: entries expire by the node's time where this device's clock is off") {
  World world;
  World::Client& bob = online_client(world);
  World::Client& alice = world.add_client();
  alice.skew_clock(-static_cast<int64_t>(kDayMs));
  alice.open(kNotes, MapKind::Lww, "notes");
  alice.go_online();
  world.settle();
  bob.set(kNotes, "short", "1", 5'000);
  world.settle();
  CHECK(alice.get(kNotes, "short") == "1");
  world.advance(5'000);
  CHECK(alice.get(kNotes, "short").empty());
}

TEST_CASE("client: a turn reports a bounded number of expiries and asks for the next at once") {
  World world;
  World::Client& alice = world.add_client();
  alice.open(kNotes, MapKind::Lww, "notes");
  constexpr size_t kEntries = 10'000;
  for (size_t i = 0; i < kEntries; ++i) alice.set(kNotes, std::to_string(i), "v", 1'000);
  world.advance(1'000);
  CHECK(alice.entries(kNotes).size() < kEntries);
  CHECK(alice.entries(kNotes).size() > kEntries / 2);
  CHECK(alice.wake_ms() == world.now().mono_ms + 1);
  world.advance(1);
  world.advance(1);
  CHECK(alice.entries(kNotes).empty());
}

}  // namespace topgun
