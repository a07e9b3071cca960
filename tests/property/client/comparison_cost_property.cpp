// What it costs a client and a node to find out in what they differ, as whole frames: as little as
// what differs, however much there is (I09 in docs/invariants.md).

#include "tests/support/property.hpp"
#include "tests/support/world.hpp"

namespace topgun {
namespace {

constexpr uint64_t kMap = 1;
/// Hello, Welcome, a subscription and its end, a first look at both trees, pings; with requests a
/// few times that.
constexpr uint64_t kGreetingBytes = 1'500;
/// A path of eight hashes a level to each difference, both ways, with room; and the record, or the
/// operation with its ack.
constexpr uint64_t kDifferenceBytes = 8 * 2 * 20 + 150;

struct Pair {
  World world;
  World::Client& writer;
  World::Client& reader;

  Pair(uint16_t shards, uint64_t count, bool uses_exchanges)
      : world({.shards = shards}), writer(world.add_client()), reader(world.add_client()) {
    reader.use_exchanges(uses_exchanges);
    for (World::Client* const client : {&writer, &reader}) {
      client->open(kMap, MapKind::Lww, "notes");
      client->go_online();
    }
    for (uint64_t i = 0; i < count; ++i) writer.set(kMap, "k" + std::to_string(i), "v");
    for (int i = 0; i < 4; ++i) pass_some_time();
    reader.go_offline();
    world.settle();
  }

  void pass_some_time() {
    world.settle();
    world.advance(10'000);
    world.settle();
  }

  /// What the reader says and hears until it is in step again.
  uint64_t bytes_to_agree() {
    const uint64_t before = reader.wire_bytes;
    reader.go_online();
    world.settle();
    for (int i = 0; i < 3; ++i) pass_some_time();
    return reader.wire_bytes - before;
  }

  bool agrees() {
    const node::Shard::Root own = reader.root(kMap);
    const node::Shard::Root of_node = world.node_root(MapKind::Lww, "notes");
    return own.hash.low == of_node.hash.low && own.hash.high == of_node.hash.high;
  }
};

TEST_CASE("cost: who is equal finds out with as much as a greeting, however much there is") {
  for_each_seed(6, [](Gen& gen) {
    const bool uses_exchanges = gen.chance(1, 2);
    const auto shards = static_cast<uint16_t>(1 + gen.below(3));
    Pair pair(shards, gen.below(3'000), uses_exchanges);
    // Another life of the node: what the reader knows of changes is worth nothing, so roots decide.
    if (gen.chance(1, 2)) pair.world.crash_node();
    CHECK(pair.bytes_to_agree() <= kGreetingBytes);
    CHECK(pair.agrees());
  });
}

TEST_CASE("cost: who differs says and hears as much as what differs") {
  for_each_seed(12, [](Gen& gen) {
    const bool uses_exchanges = gen.chance(1, 2);
    const uint64_t count = 200 + gen.below(3'000);
    Pair pair(static_cast<uint16_t>(1 + gen.below(3)), count, uses_exchanges);
    const uint64_t there = gen.below(30);
    const uint64_t here = gen.below(30);
    for (uint64_t i = 0; i < there; ++i) {
      pair.writer.set(kMap, "k" + std::to_string(gen.below(count)), "there");
    }
    for (uint64_t i = 0; i < here; ++i) {
      pair.reader.set(kMap, "k" + std::to_string(gen.below(count)), "here");
    }
    pair.world.settle();
    pair.world.crash_node();
    CAPTURE(count);
    CAPTURE(there);
    CAPTURE(here);
    CAPTURE(uses_exchanges);
    CHECK(pair.bytes_to_agree() <= kGreetingBytes + (there + here) * kDifferenceBytes);
    CHECK(pair.agrees());
  });
}

}  // namespace
}  // namespace topgun
