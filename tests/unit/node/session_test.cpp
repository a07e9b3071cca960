// What a node refuses, bounds and gives up, seen through real clients.

#include <doctest/doctest.h>

#include <memory>

#include "core/node/shard.hpp"
#include "core/sync/batch.hpp"
#include "core/sync/messages.hpp"
#include "tests/support/world.hpp"

namespace topgun {
namespace {

constexpr uint64_t kNotes = 1;

/// Accepts the token "alice" until a given time, and nothing else.
class OneToken final : public node::Authenticator {
 public:
  explicit OneToken(uint64_t expires_at_ms) : expires_at_ms_(expires_at_ms) {}
  Result<node::Principal> verify(ByteView token, uint64_t wall_ms) const override {
    if (token.empty()) return Error::Unauthenticated;
    if (as_text(token) != "alice") return Error::TokenInvalid;
    if (wall_ms >= expires_at_ms_) return Error::TokenExpired;
    return node::Principal{"alice", {"user"}, expires_at_ms_};
  }

 private:
  uint64_t expires_at_ms_;
};

/// Everybody may read and write "notes", read "news", and nothing else.
class NotesOnly final : public node::AccessPolicy {
 public:
  bool allows(const node::Principal&, std::string_view map,
              node::Permission permission) const override {
    return map == "notes" || (map == "news" && permission == node::Permission::Read);
  }
};

/// The token lists, separated by blanks, the maps its bearer may use.
class AnyToken final : public node::Authenticator {
 public:
  Result<node::Principal> verify(ByteView token, uint64_t) const override {
    return node::Principal{"someone", {std::string(as_text(token))}, 0};
  }
};

class RoleIsMap final : public node::AccessPolicy {
 public:
  bool allows(const node::Principal& principal, std::string_view map,
              node::Permission) const override {
    return principal.roles[0].find(map) != std::string::npos;
  }
};

World::Client& online_client(World& world) {
  World::Client& client = world.add_client();
  client.open(kNotes, MapKind::Lww, "notes");
  client.go_online();
  world.settle();
  return client;
}

}  // namespace

TEST_CASE("session: without a valid token nothing is served, with one everything is") {
  const OneToken authenticator(UINT64_MAX);
  World world({.authenticator = &authenticator});
  World::Client& alice = online_client(world);
  CHECK(alice.status() == client::Status::Connecting);
  REQUIRE(!alice.errors.empty());
  CHECK(alice.errors.back() == Error::Unauthenticated);
  alice.set_token("mallory");
  world.advance(20'000);
  world.settle();
  CHECK(alice.errors.back() == Error::TokenInvalid);
  alice.set_token("alice");
  world.advance(1);
  world.settle();
  CHECK(alice.status() == client::Status::Online);
}

TEST_CASE("session: it ends when the token expires, and the client's writes wait") {
  World clock_reference;
  const uint64_t expires_at_ms = clock_reference.now().wall_ms + 60'000;
  const OneToken authenticator(expires_at_ms);
  World world({.authenticator = &authenticator});
  World::Client& alice = world.add_client();
  alice.set_token("alice");
  alice.open(kNotes, MapKind::Lww, "notes");
  alice.go_online();
  world.settle();
  CHECK(alice.status() == client::Status::Online);
  for (int i = 0; i < 13; ++i) {
    world.advance(5'000);
    world.settle();
  }
  REQUIRE(!alice.errors.empty());
  CHECK(alice.errors.front() == Error::TokenExpired);
  alice.set(kNotes, "a", "1");
  world.settle();
  CHECK(alice.pending() == 1);
  CHECK(alice.rejected.empty());
}

TEST_CASE("session: writes to a map one may not write are refused one by one and taken back") {
  const NotesOnly access;
  World world({.shards = 2, .access = &access});
  World::Client& alice = online_client(world);
  alice.open(2, MapKind::Lww, "news");
  alice.set(2, "headline", "forged");
  alice.set(kNotes, "a", "1");
  world.settle();
  REQUIRE(alice.rejected.size() == 1);
  CHECK(alice.rejected[0].error == Error::Forbidden);
  CHECK(alice.rejected[0].key == "headline");
  CHECK(alice.get(2, "headline").empty());
  CHECK(world.node_root(MapKind::Lww, "news").records == 0);
  CHECK(world.node_root(MapKind::Lww, "notes").records == 1);
  CHECK(alice.pending() == 0);
}

TEST_CASE("session: a map one may not read is not followed") {
  const NotesOnly access;
  World world({.access = &access});
  World::Client& alice = online_client(world);
  alice.open(2, MapKind::Lww, "secrets");
  world.settle();
  REQUIRE(!alice.errors.empty());
  CHECK(alice.errors.back() == Error::Forbidden);
  CHECK(alice.status() == client::Status::Online);
}

TEST_CASE("session: too many operations a second are put off, not lost") {
  node::ShardLimits limits;
  limits.operations_per_second = 10;
  limits.operations_burst = 5;
  World world({.limits = limits});
  World::Client& alice = online_client(world);
  for (int i = 0; i < 30; ++i) alice.set(kNotes, "k" + std::to_string(i), "v");
  world.settle();
  CHECK(world.node_root(MapKind::Lww, "notes").records == 5);
  CHECK(alice.rejected.empty());
  for (int i = 0; i < 10; ++i) {
    world.advance(1'000);
    world.settle();
  }
  CHECK(world.node_root(MapKind::Lww, "notes").records == 30);
  CHECK(alice.pending() == 0);
}

TEST_CASE("session: maps beyond the limit are refused with a code") {
  node::ShardLimits limits;
  limits.maps_max = 2;
  World world({.limits = limits});
  World::Client& alice = world.add_client();
  for (uint64_t i = 1; i <= 3; ++i) alice.open(i, MapKind::Lww, "map" + std::to_string(i));
  alice.go_online();
  world.settle();
  for (uint64_t i = 1; i <= 3; ++i) alice.set(i, "a", "1");
  world.settle();
  REQUIRE(alice.rejected.size() == 1);
  CHECK(alice.rejected[0].error == Error::LimitExceeded);
  CHECK(alice.rejected[0].map == 3);
}

TEST_CASE("session: subscriptions beyond the limit are refused with a code") {
  node::ShardLimits limits;
  limits.subscriptions_max = 2;
  World world({.limits = limits});
  World::Client& alice = world.add_client();
  for (uint64_t i = 1; i <= 3; ++i) alice.open(i, MapKind::Lww, "map" + std::to_string(i));
  alice.go_online();
  world.settle();
  REQUIRE(alice.errors.size() == 1);
  CHECK(alice.errors[0] == Error::LimitExceeded);
  CHECK(world.stats().subscriptions == 2);
}

TEST_CASE(
    "session: a reader that stops reading costs a bounded backlog and then gets the latest state") {
  node::ShardLimits limits;
  limits.credit_bytes = 64 * 1024;
  World world({.shards = 2, .limits = limits});
  World::Client& writer = online_client(world);
  World::Client& reader = online_client(world);
  reader.hold_reading(true);
  const std::string text(1000, 'x');
  for (int i = 0; i < 2000; ++i) {
    writer.set(kNotes, "k" + std::to_string(i % 50), text + std::to_string(i));
    world.settle();
  }
  CHECK(reader.unread_bytes() < 2 * limits.credit_bytes);
  reader.hold_reading(false);
  world.settle();
  for (int i = 1950; i < 2000; ++i) {
    CHECK(reader.get(kNotes, "k" + std::to_string(i % 50)) == text + std::to_string(i));
  }
  CHECK(reader.root(kNotes).hash == world.node_root(MapKind::Lww, "notes").hash);
}

TEST_CASE("session: a silent connection is pinged, then closed, and releases what it held") {
  World world;
  World::Client& alice = online_client(world);
  CHECK(world.stats().subscriptions == 1);
  alice.hold_reading(true);
  for (int i = 0; i < 70; ++i) {
    world.advance(1'000);
    // The client's own timers run as well, but nothing it says arrives: its frames are never
    // delivered.
  }
  CHECK(world.stats().sessions == 0);
  CHECK(world.stats().subscriptions == 0);
}

TEST_CASE("session: unsubscribing stops the flow of changes") {
  World world({.shards = 2});
  World::Client& alice = online_client(world);
  World::Client& bob = online_client(world);
  Bytes payload;
  ByteWriter(payload).varint(kNotes);
  CHECK(bob.command(client::Command::Unsubscribe, payload).error == 0);
  world.settle();
  alice.set(kNotes, "a", "1");
  world.settle();
  CHECK(bob.get(kNotes, "a").empty());
  CHECK(world.stats().subscriptions == 1);
  bob.cut();
  for (int i = 0; i < 4; ++i) {
    world.advance(1'000);
    world.settle();
  }
  CHECK(bob.status() == client::Status::Online);
  CHECK(world.stats().subscriptions == 1);  // A new connection does not bring it back.
}

TEST_CASE("session: a new token with fewer rights ends the subscriptions it does not cover") {
  const AnyToken authenticator;
  const RoleIsMap access;
  World world({.authenticator = &authenticator, .access = &access});
  World::Client& alice = world.add_client();
  alice.set_token("notes news");
  alice.open(kNotes, MapKind::Lww, "notes");
  alice.open(2, MapKind::Lww, "news");
  alice.go_online();
  world.settle();
  CHECK(world.stats().subscriptions == 2);
  alice.set_token("notes");
  world.settle();
  CHECK(world.stats().subscriptions == 1);
  CHECK(alice.status() == client::Status::Online);
  CHECK(alice.errors == std::vector<Error>{Error::Forbidden});
}

/// The levels acked to a client that writes one key to a node with a log, whose sync follows in a
/// turn of its own.
std::vector<AckLevel> levels_acked(AckLevel ack_level_min, bool has_log) {
  constexpr Now kNow{1'700'000'000'000, 1'000};
  constexpr node::ConnectionId kConnection{1};
  node::ShardOptions options;
  options.incarnation = 1;
  options.has_log = has_log;
  node::Shard shard(options);
  std::vector<AckLevel> levels;
  const auto end_turn = [&] {
    shard.end_turn(kNow);
    for (const node::Effects::Send& send : shard.take_effects().sends) {
      FrameReader reader(*send.frame);
      while (const auto message = reader.next()) {
        if (message->kind != static_cast<uint8_t>(MessageKind::Ack)) continue;
        levels.push_back(decode_ack(message->payload).value().level);
      }
    }
  };
  shard.connected(kConnection, kNow);
  OperationBatchBuilder builder;
  builder.begin({MapKind::Lww, {7}, 1, kNow.wall_ms, as_bytes("notes")});
  const uint8_t value[] = {1};
  builder.add({.kind = OperationKind::LwwSet,
               .sequence = 1,
               .time = stamp_time(kNow.wall_ms, 0),
               .ttl_ms = 0,
               .key = as_bytes("key"),
               .payload = value});
  Bytes frame;
  MessageWriter out(frame);
  out.hello({.replica = {7}, .ack_level_min = ack_level_min});
  out.operations(builder.finish());
  shard.frame(kConnection, frame, kNow);
  end_turn();
  if (has_log) shard.durable(0, 1, kNow);
  end_turn();
  return levels;
}

TEST_CASE("session: acks begin at the level that the client asked for") {
  using Levels = std::vector<AckLevel>;
  CHECK(levels_acked(AckLevel::Memory, true) == Levels{AckLevel::Memory, AckLevel::Local});
  CHECK(levels_acked(AckLevel::Local, true) == Levels{AckLevel::Local});
}

TEST_CASE("session: a client that asks for more than the node has gets what there is") {
  CHECK(levels_acked(AckLevel::Local, false) == std::vector<AckLevel>{AckLevel::Memory});
  CHECK(levels_acked(AckLevel::Object, true) == std::vector<AckLevel>{AckLevel::Local});
}

TEST_CASE("session: an answer to what a subscription asked before it began anew does not count") {
  constexpr Now kNow{1'700'000'000'000, 1'000};
  constexpr node::ConnectionId kConnection{1};
  std::vector<std::unique_ptr<node::Shard>> shards;
  for (uint16_t i = 0; i < 2; ++i) {
    node::ShardOptions options;
    options.shard = i;
    options.shard_count = 2;
    options.incarnation = 1;
    shards.push_back(std::make_unique<node::Shard>(options));
  }
  size_t comparisons = 0;
  const auto end_turn = [&](size_t shard) {
    shards[shard]->end_turn(kNow);
    node::Effects effects = shards[shard]->take_effects();
    for (const node::Effects::Send& send : effects.sends) {
      FrameReader reader(*send.frame);
      while (const auto message = reader.next()) {
        comparisons += message->kind == static_cast<uint8_t>(MessageKind::Diff) ? 1 : 0;
      }
    }
    return std::move(effects.posts);
  };
  const auto subscribe = [&](uint64_t records) {
    Bytes frame;
    MessageWriter out(frame);
    if (records == 0) out.hello({.replica = {7}});
    out.subscribe({.subscription = 1,
                   .map = as_bytes("notes"),
                   .root = {records, records},
                   .records = records});
    shards[0]->frame(kConnection, frame, kNow);
    return end_turn(0);
  };
  const auto deliver = [&](const std::vector<node::Effects::Post>& posts) {
    std::vector<node::Effects::Post> answers;
    for (const node::Effects::Post& post : posts) {
      shards[post.shard]->message(post.message, kNow);
      for (node::Effects::Post& answer : end_turn(post.shard)) answers.push_back(std::move(answer));
    }
    return answers;
  };
  shards[0]->connected(kConnection, kNow);
  // Nothing to compare the first time; the second time, everything. What the other shard says to
  // the first arrives after the second.
  const auto first_answers = deliver(subscribe(0));
  const auto second = subscribe(5);
  (void)deliver(first_answers);
  CHECK(comparisons == 0);
  (void)deliver(deliver(second));
  CHECK(comparisons == 1);
}

}  // namespace topgun
