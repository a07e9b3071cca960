#include "core/dataflow/client_queries.hpp"

#include <doctest/doctest.h>

#include "tests/support/live_list.hpp"

namespace topgun::dataflow {
namespace {

using client::Command;
using client::Event;

constexpr uint64_t kDayMs = 24ull * 3600 * 1000;
constexpr uint64_t kOrMap = 2;

World::Options with_queries() { return {.make_queries = &ClientQueries::make}; }

World::Client& open_client(World& world) {
  World::Client& client = world.add_client();
  client.open(kMap, MapKind::Lww, "words");
  client.go_online();
  return client;
}

/// A command that starts with numbers.
Error refusal(World::Client& client, Command command, std::initializer_list<uint64_t> numbers,
              ByteView rest = {}) {
  Bytes payload;
  ByteWriter out(payload);
  for (const uint64_t number : numbers) out.varint(number);
  out.raw(rest);
  return static_cast<Error>(client.command(command, payload).error);
}

constexpr auto kNone = static_cast<Error>(0);

TEST_CASE("client_queries: a map that is fetched anew leaves live queries and comes back") {
  World world(with_queries());
  World::Client& alice = open_client(world);
  constexpr int kEntries = 200;
  const std::string large(2'000, 'x');
  for (int i = 0; i < kEntries; ++i) alice.set(kMap, std::to_string(i), large);
  world.settle();
  World::Client& bob = open_client(world);
  LiveList list(bob, 1'000);
  list.subscribe();
  while (bob.entries(kMap).empty()) world.deliver_some(1);
  bob.go_offline();
  list.follow();
  REQUIRE(!list.keys().empty());
  for (int i = 0; i < kEntries; ++i) alice.remove(kMap, std::to_string(i));
  alice.set(kMap, "kept", "here");
  for (int day = 0; day < 70; ++day) {
    world.advance(kDayMs);
    world.settle();
  }
  bob.go_online();
  world.settle();
  REQUIRE(world.stats().resyncs_forced == 1);
  list.follow();
  CHECK(list.keys() == std::vector<std::string>{"kept"});
  CHECK(list.ask() == list.keys());
}

TEST_CASE(
    "client_queries: a row is told by its number once its key is known, until it is written") {
  World world(with_queries());
  World::Client& alice = open_client(world);
  for (const char* const key : {"a", "b", "c"}) alice.set(kMap, key, "word");
  LiveList list(alice, 10);
  list.subscribe();
  CHECK(list.known_rows() == 0);
  CHECK(list.ask().size() == 3);
  CHECK(list.known_rows() == 3);
  alice.set(kMap, "b", "work");
  CHECK(list.ask().size() == 3);
  CHECK(list.known_rows() == 2);
  CHECK(list.ask().size() == 3);
  CHECK(list.known_rows() == 3);
  // The number of one that is gone is given to another.
  alice.remove(kMap, "a");
  alice.set(kMap, "d", "word");
  CHECK(list.ask() == std::vector<std::string>{"b", "c", "d"});
  CHECK(list.known_rows() == 2);
  REQUIRE(refusal(alice, Command::ForgetRows, {kMap}) == kNone);
  list.forget();
  CHECK(list.ask().size() == 3);
  CHECK(list.known_rows() == 0);
  CHECK(list.ask().size() == 3);
  CHECK(list.known_rows() == 3);
  CHECK(refusal(alice, Command::ForgetRows, {99}) == Error::InvalidArgument);
  CHECK(refusal(alice, Command::ForgetRows, {kMap, 1}) == Error::Malformed);
}

TEST_CASE("client_queries: what expired long ago is gone before its record is") {
  World::Options options = with_queries();
  options.limits.tombstone_retention_ms = 10'000;
  World world(options);
  World::Client& alice = open_client(world);
  LiveList list(alice, 10);
  list.subscribe();
  for (int i = 0; i < 20; ++i) alice.set(kMap, "k" + std::to_string(i), "word", 5'000);
  alice.set(kMap, "kept", "word");
  world.settle();
  list.follow();
  REQUIRE(list.keys().size() == 10);
  for (int step = 0; step < 20; ++step) {
    world.advance(30'000);
    world.settle();
  }
  list.follow();
  CHECK(list.keys() == std::vector<std::string>{"kept"});
  CHECK(list.ask() == list.keys());
}

TEST_CASE("client_queries: a write that the node refuses leaves again") {
  struct ReadOnly : node::AccessPolicy {
    bool allows(const node::Principal&, std::string_view,
                node::Permission permission) const override {
      return permission == node::Permission::Read;
    }
  };
  const ReadOnly access;
  World::Options options = with_queries();
  options.access = &access;
  World world(options);
  World::Client& alice = open_client(world);
  LiveList list(alice, 10);
  list.subscribe();
  alice.set(kMap, "a", "word");
  list.follow();
  REQUIRE(list.keys() == std::vector<std::string>{"a"});
  world.settle();
  REQUIRE(alice.rejected.size() == 1);
  list.follow();
  CHECK(list.keys().empty());
}

TEST_CASE("client_queries: groups and indexes are told of") {
  World world(with_queries());
  World::Client& alice = open_client(world);
  for (int i = 0; i < 5'000; ++i) alice.set(kMap, "k" + std::to_string(i), "x");
  query::Query by_word;
  by_word.group_by = {{}};
  by_word.aggregates = {{query::AggregateKind::Count, {}}};
  REQUIRE(refusal(alice, Command::SubscribeQuery, {9, kMap}, encode_query(by_word)) == kNone);
  alice.query_events.clear();
  alice.set(kMap, "k0", "y");
  size_t groups = 0;
  for (const auto& [event, payload] : alice.query_events) {
    REQUIRE(event == Event::QueryGroups);
    ByteReader in(payload);
    CHECK(in.varint() == 1);
    CHECK(in.varint() == 9);
    groups += in.varint();
  }
  CHECK(groups == 2);
  alice.query_events.clear();
  Bytes definition;
  ByteWriter out(definition);
  query::write_index_definition(out, {"words", query::IndexKind::Hash, {{{}}}});
  REQUIRE(refusal(alice, Command::AddIndex, {kMap}, definition) == kNone);
  CHECK(alice.query_events.empty());
  CHECK(alice.wake_ms() <= world.now().mono_ms + 1);
  for (int turn = 0; turn < 3; ++turn) alice.command(Command::Tick, {});
  REQUIRE(alice.query_events.size() == 1);
  CHECK(alice.query_events[0].first == Event::IndexReady);
  Bytes name;
  ByteWriter(name).blob(as_bytes("words"));
  CHECK(refusal(alice, Command::DropIndex, {kMap}, name) == kNone);
  CHECK(refusal(alice, Command::DropIndex, {kMap}, name) == Error::InvalidArgument);
  CHECK(refusal(alice, Command::UnsubscribeQuery, {9}) == kNone);
  CHECK(refusal(alice, Command::UnsubscribeQuery, {9}) == Error::InvalidArgument);
}

TEST_CASE("client_queries: what cannot be asked is refused, and nothing changes") {
  World world(with_queries());
  World::Client& alice = open_client(world);
  alice.open(kOrMap, MapKind::Or, "bags");
  const Bytes query = encode_query(standing_query(3));
  CHECK(refusal(alice, Command::Query, {99}, query) == Error::InvalidArgument);
  CHECK(refusal(alice, Command::Query, {kOrMap}, query) == Error::TypeMismatch);
  CHECK(refusal(alice, Command::Query, {kMap}, ByteView(query).first(5)) == Error::Truncated);
  CHECK(refusal(alice, Command::ExplainQuery, {kMap, 2}, query) == Error::InvalidArgument);
  CHECK(refusal(alice, Command::SubscribeQuery, {1, kMap}, query) == kNone);
  CHECK(refusal(alice, Command::SubscribeQuery, {1, kMap}, query) == Error::InvalidArgument);
  CHECK(refusal(alice, Command::AddIndex, {kMap}) == Error::Truncated);
  World plain;
  World::Client& bob = plain.add_client();
  bob.open(kMap, MapKind::Lww, "words");
  CHECK(refusal(bob, Command::Query, {kMap}, query) == Error::UnknownMessage);
}

TEST_CASE("client_queries: an engine that mirrors another replica answers for it") {
  World world(with_queries());
  World::Client& mirror = world.add_client(false);
  mirror.open(kMap, MapKind::Lww, "words");
  LiveList list(mirror, 3);
  list.subscribe();
  const auto put = [&](std::string_view key, std::optional<std::string_view> text) {
    Bytes payload;
    ByteWriter out(payload);
    out.varint(kMap);
    out.blob(as_bytes(key));
    out.u8(text ? 1 : 0);
    if (text) out.raw(query::text(*text));
    return static_cast<Error>(mirror.command(Command::Mirror, payload).error);
  };
  CHECK(put("a", "x") == kNone);
  CHECK(put("b", "y") == kNone);
  list.follow();
  CHECK(list.keys() == std::vector<std::string>{"b", "a"});
  CHECK(put("b", "w") == kNone);
  list.follow();
  CHECK(list.keys() == std::vector<std::string>{"a", "b"});
  CHECK(put("a", std::nullopt) == kNone);
  CHECK(put("never", std::nullopt) == kNone);
  list.follow();
  CHECK(list.keys() == std::vector<std::string>{"b"});
  CHECK(mirror.pending() == 0);
  CHECK(mirror.root(kMap).records == 1);
  World::Client& stored = open_client(world);
  Bytes payload;
  ByteWriter out(payload);
  out.varint(kMap);
  out.blob(as_bytes("a"));
  out.u8(0);
  CHECK(stored.command(Command::Mirror, payload).error == static_cast<uint16_t>(Error::NotReady));
}

// Live queries show what the client shows, whatever somebody does to its clock: entries that
// expired come back to the screen only when their map is opened again.

const std::vector<std::string> kShown = {"short"};

TEST_CASE("client_queries: what a set-back clock shows again is told when the map is opened") {
  World world(with_queries());
  World::Client& alice = world.add_client();
  alice.open(kMap, MapKind::Lww, "words");
  LiveList list(alice, 10);
  list.subscribe();
  alice.set(kMap, "short", "word", 5'000);
  world.advance(5'000);
  list.follow();
  REQUIRE(list.keys().empty());
  alice.skew_clock(-3'000);
  alice.open(kMap, MapKind::Lww, "words");
  list.follow();
  REQUIRE(alice.entries(kMap).size() == 1);
  CHECK(list.keys() == kShown);
  CHECK(list.ask() == kShown);
  world.advance(3'000);
  list.follow();
  CHECK(alice.entries(kMap).empty());
  CHECK(list.keys().empty());
}

TEST_CASE("client_queries: what expires while its map is opened again leaves for good") {
  World world(with_queries());
  World::Client& alice = world.add_client();
  alice.open(kMap, MapKind::Lww, "words");
  LiveList list(alice, 10);
  list.subscribe();
  alice.set(kMap, "short", "word", 5'000);
  list.follow();
  REQUIRE(list.keys() == kShown);
  // The clock jumps, and nobody was woken for it.
  alice.skew_clock(6'000);
  alice.open(kMap, MapKind::Lww, "words");
  list.follow();
  CHECK(alice.entries(kMap).empty());
  CHECK(list.keys().empty());
}

TEST_CASE(
    "client_queries: a query that begins under a set-back clock shows what the client shows") {
  World world(with_queries());
  World::Client& alice = world.add_client();
  alice.open(kMap, MapKind::Lww, "words");
  alice.set(kMap, "short", "word", 5'000);
  world.advance(5'000);
  REQUIRE(alice.entries(kMap).empty());
  alice.skew_clock(-3'000);
  LiveList list(alice, 10);
  list.subscribe();
  CHECK(alice.entries(kMap).empty());
  CHECK(list.keys().empty());
}

TEST_CASE("client_queries: what is collected while a set-back clock shows it is gone everywhere") {
  World::Options options = with_queries();
  options.limits.tombstone_retention_ms = 10'000;
  World world(options);
  World::Client& alice = world.add_client();
  alice.open(kMap, MapKind::Lww, "words");
  alice.go_online();
  LiveList list(alice, 10);
  list.subscribe();
  alice.set(kMap, "short", "word", 1'000);
  const auto reconnect_after_ms = [&](uint64_t ms) {
    world.advance(ms);
    alice.go_offline();
    alice.go_online();
    world.settle();
  };
  world.settle();
  reconnect_after_ms(15'000);
  alice.skew_clock(-100'000);
  alice.open(kMap, MapKind::Lww, "words");
  list.follow();
  REQUIRE(list.keys() == kShown);
  reconnect_after_ms(15'000);
  list.follow();
  CHECK(alice.entries(kMap).empty());
  CHECK(list.keys().empty());
}

}  // namespace
}  // namespace topgun::dataflow
