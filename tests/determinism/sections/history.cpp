#include "tests/determinism/trace.hpp"
#include "tests/support/world.hpp"

namespace topgun::determinism {
namespace {

constexpr uint64_t kClients = 3;
constexpr uint64_t kSteps = 60;

void act(World& world, World::Client& client, Gen& gen) {
  const std::string key = "key " + std::to_string(gen.below(9));
  const std::string value = "value " + std::to_string(gen.below(1000));
  switch (gen.below(10)) {
    case 0:
      client.remove(1, key);
      return;
    case 1:
      client.or_add(2, key, value);
      return;
    case 2:
      client.or_remove(2, key, value);
      return;
    case 3:
      client.counter_add(3, key, static_cast<int64_t>(gen.below(100)) - 50);
      return;
    case 4:
      world.deliver_some(static_cast<size_t>(gen.below(20)));
      return;
    case 5:
      world.advance(1 + gen.below(5000));
      return;
    case 6:
      client.cut();
      return;
    case 7:
      world.crash_node();
      return;
    default:
      client.set(1, key, value, gen.below(3) == 0 ? 1 + gen.below(10'000) : 0);
  }
}

}  // namespace

/// Clients and a node, whole: every frame and every event of a short, eventful life.
void play_history(Gen& gen, TraceHash& trace) {
  World::Options options;
  options.shards = static_cast<uint16_t>(1 + gen.below(3));
  World world(options);
  std::vector<World::Client*> clients;
  for (uint64_t i = 0; i < kClients; ++i) {
    clients.push_back(&world.add_client());
    clients.back()->open(1, MapKind::Lww, "notes");
    clients.back()->open(2, MapKind::Or, "tags");
    clients.back()->open(3, MapKind::Counter, "hits");
    clients.back()->go_online();
  }
  for (uint64_t i = 0; i < kSteps; ++i) {
    const auto who = static_cast<size_t>(gen.below(kClients));
    act(world, *clients[who], gen);
  }
  world.advance(60'000);
  world.settle();
  trace.add(world.trace());
  for (World::Client* client : clients) trace.add(client->root(1).hash.low);
}

}  // namespace topgun::determinism
