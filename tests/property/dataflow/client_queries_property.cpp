#include <doctest/doctest.h>

#include "tests/support/live_list.hpp"
#include "tests/support/property.hpp"

namespace topgun::dataflow {
namespace {

using client::Command;

/// One thing that happens to a client or its surroundings.
void disturb(Gen& gen, World& world, World::Client& client) {
  switch (gen.below(10)) {
    case 0:
      return world.advance(gen.below(60));
    case 1:
      return client.go_offline();
    case 2:
      return client.go_online();
    case 3:
      return client.cut();
    case 4:
      return world.deliver_some(gen.below(6));
    case 5:
      return world.settle();
    default: {
      const std::string key = "k" + std::to_string(gen.below(8));
      if (gen.chance(1, 4)) {
        client.remove(kMap, key);
        return;
      }
      const std::string value(1, static_cast<char>('a' + gen.below(6)));
      const uint64_t ttl_ms = gen.chance(1, 4) ? gen.between(1, 80) : 0;
      client.set(kMap, key, value, ttl_ms);
    }
  }
}

TEST_CASE(
    "client_queries property: a live query shows what the map shows, whatever happens to it") {
  for_each_seed(150, [](Gen& gen) {
    World world({.make_queries = &ClientQueries::make});
    World::Client* const clients[] = {&world.add_client(), &world.add_client()};
    const uint64_t limit = gen.between(1, 4);
    LiveList lists[] = {{*clients[0], limit}, {*clients[1], limit}};
    for (size_t i = 0; i < 2; ++i) {
      clients[i]->open(kMap, MapKind::Lww, "words");
      lists[i].subscribe();
      clients[i]->go_online();
    }
    for (int step = 0; step < 60; ++step) {
      const size_t which = gen.below(2);
      if (gen.chance(1, 40)) {
        clients[which]->restart();
        lists[which].forget();
        lists[which].subscribe();
      }
      disturb(gen, world, *clients[which]);
      // Time passes for everybody: what has expired is gone from map and query alike.
      for (size_t i = 0; i < 2; ++i) {
        clients[i]->command(Command::Tick, {});
        lists[i].follow();
        CHECK(lists[i].keys() == expected_keys(clients[i]->entries(kMap), limit));
        CHECK(lists[i].ask() == lists[i].keys());
      }
    }
  });
}

}  // namespace
}  // namespace topgun::dataflow
