#include <doctest/doctest.h>

#include "core/base/byte_io.hpp"
#include "core/client/tab_cursors.hpp"
#include "tests/support/world.hpp"

// Commands that a tab has another tab execute (docs/engine-protocol.md, "Relayed commands").

namespace topgun {
namespace {

constexpr uint64_t kNotes = 1;
constexpr uint64_t kLikes = 2;
constexpr uint64_t kTags = 3;

client::TabId tab_id(uint8_t first) {
  client::TabId tab{};
  tab[0] = first;
  tab[15] = 0xee;
  return tab;
}

/// The client that executes commands for others, and what comes back.
struct Leader {
  explicit Leader(World& world) : client(world.add_client()) {
    client.open(kNotes, MapKind::Lww, "notes");
    client.open(kLikes, MapKind::Counter, "likes");
    client.open(kTags, MapKind::Or, "tags");
  }

  template <typename Fill>
  World::Client::Answer relay(const client::TabId& tab, uint64_t number, client::Command command,
                              Fill&& fill) {
    Bytes payload;
    ByteWriter out(payload);
    out.raw(tab);
    out.varint(number);
    out.u8(static_cast<uint8_t>(command));
    fill(out);
    return client.command(client::Command::Relay, payload);
  }

  World::Client::Answer like(const client::TabId& tab, uint64_t number, uint64_t amount = 1) {
    return relay(tab, number, client::Command::CounterAdd, [&](ByteWriter& out) {
      out.varint(kLikes);
      out.blob(as_bytes("post"));
      out.u64(amount);
    });
  }

  World::Client::Answer note(const client::TabId& tab, uint64_t number, const std::string& text) {
    return relay(tab, number, client::Command::Set, [&](ByteWriter& out) {
      out.varint(kNotes);
      out.blob(as_bytes("note"));
      out.varint(0);
      out.u8(0xda);
      out.u8(0);
      out.u8(static_cast<uint8_t>(text.size()));
      out.raw(as_bytes(text));
    });
  }

  uint64_t cursor(const client::TabId& tab) {
    Bytes payload;
    ByteWriter(payload).raw(tab);
    const Bytes answer = client.command(client::Command::TabCursor, payload).payload;
    return ByteReader(answer).varint();
  }

  void forget(const client::TabId& tab) {
    Bytes payload;
    ByteWriter(payload).raw(tab);
    CHECK(client.command(client::Command::ForgetTab, payload).error == 0);
  }

  void watch(uint64_t map) {
    Bytes payload;
    ByteWriter out(payload);
    out.varint(map);
    out.u8(1);
    CHECK(client.command(client::Command::Watch, payload).error == 0);
  }

  World::Client& client;
};

Bytes first_time(Bytes inner = {}) {
  inner.insert(inner.begin(), 0);
  return inner;
}

const Bytes kRepeated = {1};

}  // namespace

TEST_CASE("relay: a command is executed once, however often it is sent") {
  World world;
  Leader leader(world);
  CHECK(leader.like(tab_id(1), 1).payload == first_time());
  CHECK(leader.like(tab_id(1), 1).payload == kRepeated);
  CHECK(leader.like(tab_id(1), 2).payload == first_time());
  CHECK(leader.like(tab_id(1), 1).payload == kRepeated);
  CHECK(leader.like(tab_id(2), 1).payload == first_time());
  CHECK(leader.client.counter(kLikes, "post") == 3);
  CHECK(leader.cursor(tab_id(1)) == 2);
  CHECK(leader.cursor(tab_id(3)) == 0);
}

TEST_CASE("relay: the effect is reported, since the host's mirror lacks it") {
  World world;
  Leader leader(world);
  leader.note(tab_id(1), 1, "from a tab");
  CHECK(leader.client.get(kNotes, "note") == "from a tab");
  const World::Client::Answer added =
      leader.relay(tab_id(1), 2, client::Command::OrAdd, [](ByteWriter& out) {
        out.varint(kTags);
        out.blob(as_bytes("note"));
        out.varint(0);
        for (const uint8_t byte : {0xda, 0, 1, static_cast<int>('x')}) out.u8(byte);
      });
  CHECK(added.payload.size() == 1 + 16);
  CHECK(leader.client.elements(kTags, "note") == std::vector<std::string>{"x"});
  CHECK(leader.client.written_events == 0);
}

TEST_CASE("relay: after a crash exactly those commands are repeated that were not stored") {
  World world;
  Leader leader(world);
  leader.like(tab_id(1), 1);
  leader.note(tab_id(1), 2, "stored");
  world.settle();
  leader.client.hold_storage(true);
  leader.like(tab_id(1), 3);
  leader.client.restart();
  leader.client.hold_storage(false);

  CHECK(leader.cursor(tab_id(1)) == 2);
  for (uint64_t number = 1; number <= 3; number += 2) leader.like(tab_id(1), number);
  CHECK(leader.client.counter(kLikes, "post") == 2);
  CHECK(leader.client.get(kNotes, "note") == "stored");
}

TEST_CASE("relay: cursors survive snapshots") {
  World world;
  Leader leader(world);
  leader.like(tab_id(1), 7);
  const std::string text(200, 'x');
  for (uint64_t number = 1; number <= 2000; ++number) leader.note(tab_id(2), number, text);
  world.settle();
  REQUIRE(leader.client.rows().count("m") == 1);
  leader.client.restart();
  CHECK(leader.cursor(tab_id(1)) == 7);
  CHECK(leader.cursor(tab_id(2)) == 2000);
}

TEST_CASE("relay: a removal that finds nothing moves the cursor all the same") {
  World world;
  Leader leader(world);
  const auto remove = [](ByteWriter& out) {
    out.varint(kTags);
    out.blob(as_bytes("note"));
    out.u8(0xc0);
  };
  CHECK(leader.relay(tab_id(1), 1, client::Command::OrRemove, remove).payload == first_time({0}));
  world.settle();
  leader.client.restart();
  CHECK(leader.cursor(tab_id(1)) == 1);
}

TEST_CASE("relay: a refused command does not move the cursor") {
  World world;
  Leader leader(world);
  const World::Client::Answer refused =
      leader.relay(tab_id(1), 1, client::Command::Remove, [](ByteWriter& out) {
        out.varint(kNotes);
        out.blob({});
      });
  CHECK(refused.error == static_cast<uint16_t>(Error::InvalidArgument));
  CHECK(leader.cursor(tab_id(1)) == 0);
}

TEST_CASE("relay: only writes with a number can be relayed") {
  World world;
  Leader leader(world);
  const auto nothing = [](ByteWriter&) {};
  const auto invalid = static_cast<uint16_t>(Error::InvalidArgument);
  CHECK(leader.like(tab_id(1), 0).error == invalid);
  for (const client::Command command :
       {client::Command::Root, client::Command::Relay, client::Command::SetToken}) {
    CHECK(leader.relay(tab_id(1), 1, command, nothing).error == invalid);
  }
  const Bytes half(8, 0);
  for (const client::Command command :
       {client::Command::Relay, client::Command::TabCursor, client::Command::ForgetTab}) {
    CHECK(leader.client.command(command, half).error == static_cast<uint16_t>(Error::Truncated));
  }
}

TEST_CASE("relay: a tab that says goodbye is forgotten, also by the store") {
  World world;
  Leader leader(world);
  leader.like(tab_id(1), 5);
  leader.forget(tab_id(1));
  CHECK(leader.cursor(tab_id(1)) == 0);
  world.settle();
  leader.client.restart();
  CHECK(leader.cursor(tab_id(1)) == 0);
  CHECK(leader.client.counter(kLikes, "post") == 1);
}

TEST_CASE("relay: the tab that was quiet for longest is forgotten beyond the limit") {
  World world;
  Leader leader(world);
  const auto last = static_cast<uint8_t>(client::TabCursors::kTabsMax + 1);
  for (uint8_t tab = 1; tab < last; ++tab) leader.like(tab_id(tab), 1);
  leader.like(tab_id(1), 2);
  leader.like(tab_id(last), 1);
  for (int start = 0; start < 2; ++start) {
    CAPTURE(start);
    CHECK(leader.cursor(tab_id(1)) == 2);
    CHECK(leader.cursor(tab_id(2)) == 0);
    CHECK(leader.cursor(tab_id(3)) == 1);
    CHECK(leader.cursor(tab_id(last)) == 1);
    world.settle();
    leader.client.restart();
  }
}

TEST_CASE("watch: local writes of a watched map are reported, of other maps not") {
  World world;
  Leader leader(world);
  leader.watch(kLikes);
  leader.client.set(kNotes, "note", "quiet");
  CHECK(leader.client.written_events == 0);
  leader.client.counter_add(kLikes, "post", 4);
  CHECK(leader.client.written_events == 1);
  leader.watch(kTags);
  leader.client.or_add(kTags, "note", "x");
  leader.client.or_add(kTags, "note", "x");
  leader.client.or_remove(kTags, "note", "x");
  CHECK(leader.client.written_events == 5);  // One for each element that was added or removed.
}

}  // namespace topgun
