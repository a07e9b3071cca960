// Random histories of clients and a node in one process: writes of every kind, frames delivered in
// random portions, connections cut, clients restarted, the node crashed with its unsynced log lost.
// Afterwards everything heals, and then: all replicas and the node agree, mirrors show what the
// tables hold, and no operation acked at `local` is missing for a client that starts with nothing.

#include <map>
#include <set>

#include "tests/support/property.hpp"
#include "tests/support/world.hpp"

namespace topgun {
namespace {

constexpr uint64_t kLww = 1;
constexpr uint64_t kOr = 2;
constexpr uint64_t kCounter = 3;
constexpr uint8_t kLocal = 2;
constexpr size_t kClients = 3;

struct History {
  /// Clients that are online and have all maps open.
  History(World& the_world, Gen& the_gen);

  World& world;
  Gen& gen;
  std::vector<World::Client*> clients;
  /// For each client: sequence after the write -> a key that only this write sets.
  std::vector<std::map<uint64_t, std::string>> unique_writes;
  std::vector<int64_t> counted;
  uint64_t writes = 0;

  World::Client& client() { return *clients[static_cast<size_t>(gen.below(clients.size()))]; }
  void write(size_t who);
  void step();
  std::set<std::string> acked_keys() const;
};

void open_maps(World::Client& client) {
  client.open(kLww, MapKind::Lww, "notes");
  client.open(kOr, MapKind::Or, "tags");
  client.open(kCounter, MapKind::Counter, "hits");
  client.go_online();
}

History::History(World& the_world, Gen& the_gen)
    : world(the_world), gen(the_gen), unique_writes(kClients), counted(kClients) {
  for (size_t i = 0; i < kClients; ++i) {
    clients.push_back(&world.add_client());
    open_maps(*clients.back());
  }
}

void History::write(size_t who) {
  World::Client& client = *clients[who];
  const std::string key = "k" + std::to_string(gen.below(6));
  const std::string value = "v" + std::to_string(++writes);
  switch (gen.below(6)) {
    case 0:
      client.set(kLww, key, value);
      return;
    case 1:
      client.remove(kLww, key);
      return;
    case 2:
      client.or_add(kOr, key, "t" + std::to_string(gen.below(3)));
      return;
    case 3:
      client.or_remove(kOr, key, "t" + std::to_string(gen.below(3)));
      return;
    case 4: {
      const auto amount = static_cast<int64_t>(gen.below(9)) - 4;
      client.counter_add(kCounter, "n", amount);
      counted[who] += amount;
      return;
    }
    default: {
      const std::string unique = "u" + std::to_string(writes);
      client.set(kLww, unique, value);
      unique_writes[who][client.last_sequence()] = unique;
    }
  }
}

std::set<std::string> History::acked_keys() const {
  std::set<std::string> keys;
  for (size_t who = 0; who < clients.size(); ++who) {
    const uint64_t acked = clients[who]->acked(kLocal);
    for (const auto& [sequence, key] : unique_writes[who]) {
      if (sequence <= acked) keys.insert(key);
    }
  }
  return keys;
}

void History::step() {
  const size_t who = static_cast<size_t>(gen.below(clients.size()));
  const uint64_t what = gen.below(40);
  if (what < 22) return write(who);
  if (what < 30) return world.deliver_some(static_cast<size_t>(gen.below(12)));
  if (what < 32) return world.advance(1 + gen.below(2000));
  if (what < 33) return clients[who]->cut();
  if (what < 34) return clients[who]->go_offline();
  if (what < 36) return clients[who]->go_online();
  if (what < 37) return world.hold_log(gen.below(2) == 0);
  if (what < 38) return clients[who]->hold_storage(gen.below(2) == 0);
  if (what < 39) return world.settle();
  world.crash_node();
}

bool same_root(const node::Shard::Root& left, const node::Shard::Root& right) {
  return left.hash == right.hash && left.records == right.records;
}

void check_agreement(World& world, std::vector<World::Client*>& clients) {
  const struct {
    uint64_t handle;
    MapKind kind;
    const char* name;
  } maps[] = {{kLww, MapKind::Lww, "notes"},
              {kOr, MapKind::Or, "tags"},
              {kCounter, MapKind::Counter, "hits"}};
  for (const auto& map : maps) {
    CAPTURE(map.name);
    const node::Shard::Root node = world.node_root(map.kind, map.name);
    for (World::Client* client : clients) CHECK(same_root(client->root(map.handle), node));
  }
  for (World::Client* client : clients) {
    CHECK(client->pending() == 0);
    CHECK(client->rejected.empty());
    CHECK(client->entries(kLww) == clients[0]->entries(kLww));
    CHECK(client->counter(kCounter, "n") == clients[0]->counter(kCounter, "n"));
    for (int i = 0; i < 6; ++i) {
      const std::string key = "k" + std::to_string(i);
      CHECK(client->elements(kOr, key) == clients[0]->elements(kOr, key));
    }
  }
}

void heal(World& world, std::vector<World::Client*>& clients) {
  world.hold_log(false);
  for (World::Client* client : clients) {
    client->hold_storage(false);
    client->go_online();
  }
  // Long enough for every backoff and for roots to be compared again.
  for (int i = 0; i < 12; ++i) {
    world.advance(31'000);
    world.settle();
  }
}

void run_history(Gen& gen, uint64_t steps) {
  World world({.shards = static_cast<uint16_t>(1 + gen.below(3))});
  History history(world, gen);
  for (uint64_t i = 0; i < steps; ++i) history.step();
  const std::set<std::string> acked = history.acked_keys();
  heal(world, history.clients);
  check_agreement(world, history.clients);
  CHECK(history.clients[0]->counter(kCounter, "n") ==
        history.counted[0] + history.counted[1] + history.counted[2]);
  for (const std::string& key : acked) {
    CAPTURE(key);
    CHECK(!history.clients[0]->get(kLww, key).empty());
  }
}

/// The strict form of durability: nobody but the node may help.
void run_crash(Gen& gen, uint64_t steps) {
  World world({.shards = static_cast<uint16_t>(1 + gen.below(3))});
  History history(world, gen);
  for (uint64_t i = 0; i < steps; ++i) history.step();
  const std::set<std::string> acked = history.acked_keys();
  for (World::Client* client : history.clients) client->go_offline();
  world.hold_log(false);
  world.crash_node();
  World::Client& fresh = world.add_client();
  open_maps(fresh);
  world.settle();
  for (const std::string& key : acked) {
    CAPTURE(key);
    CHECK(!fresh.get(kLww, key).empty());
  }
}

void run_restarts(Gen& gen, uint64_t steps) {
  World world;
  History history(world, gen);
  for (uint64_t i = 0; i < steps; ++i) {
    history.step();
    // A process that dies takes along what it had not stored; only the rest has to agree.
    if (gen.below(25) == 0) history.client().restart();
  }
  heal(world, history.clients);
  check_agreement(world, history.clients);
}

}  // namespace

TEST_CASE("client: random histories end in agreement") {
  for_each_seed(60, [](Gen& gen) { run_history(gen, 150); });
}

TEST_CASE("client: what was acked at local outlives the node's process without anyone's help") {
  for_each_seed(60, [](Gen& gen) { run_crash(gen, 120); });
}

TEST_CASE("client: random histories with restarts of clients end in agreement") {
  for_each_seed(60, [](Gen& gen) { run_restarts(gen, 150); });
}

}  // namespace topgun
