// Goal: a copy of a client's storage never costs or doubles a write, and nobody is taken for a copy
// who is none. Random histories with writes of every kind, cuts, restarts and crashes of the node;
// at random moments what a client has stored is copied into a new client, both go on, online or
// not, and may be copied again. The model is the list of writes: the sum of all steps, the elements
// that were added and not removed, the keys that one write each has set.

#include <set>

#include "tests/support/property.hpp"
#include "tests/support/world.hpp"

namespace topgun {
namespace {

constexpr uint64_t kLww = 1;
constexpr uint64_t kOr = 2;
constexpr uint64_t kCounter = 3;
constexpr size_t kClientsMax = 8;

/// Whether a node that crashes loses what its log had not synced.
enum class Crash : uint8_t { LosesTail, KeepsTail };

struct History {
  History(World& the_world, Gen& the_gen, size_t count, Crash crash_of_node)
      : world(the_world), gen(the_gen), crash(crash_of_node) {
    for (size_t i = 0; i < count; ++i) {
      clients.push_back(&world.add_client());
      clients.back()->open(kLww, MapKind::Lww, "notes");
      clients.back()->open(kOr, MapKind::Or, "tags");
      clients.back()->open(kCounter, MapKind::Counter, "hits");
      clients.back()->go_online();
    }
  }

  World& world;
  Gen& gen;
  Crash crash;
  std::vector<World::Client*> clients;
  uint64_t writes = 0;
  int64_t counted[2] = {0, 0};
  std::set<std::string> unique_keys;
  std::set<std::string> elements;

  World::Client& client() { return *clients[static_cast<size_t>(gen.below(clients.size()))]; }

  void write(World::Client& who) {
    const std::string name = std::to_string(++writes);
    switch (gen.below(6)) {
      case 0:
        who.set(kLww, "shared", name);
        return;
      case 1:
        who.set(kLww, name, name);
        unique_keys.insert(name);
        return;
      case 2:
        who.or_add(kOr, "tags", name);
        elements.insert(name);
        return;
      case 3: {
        const std::vector<std::string> seen = who.elements(kOr, "tags");
        if (seen.empty()) return;
        const std::string value = seen[static_cast<size_t>(gen.below(seen.size()))];
        who.or_remove(kOr, "tags", value);
        elements.erase(value);
        return;
      }
      default: {
        const uint64_t counter = gen.below(2);
        const auto amount = static_cast<int64_t>(gen.below(9)) - 4;
        who.counter_add(kCounter, "n" + std::to_string(counter), amount);
        counted[counter] += amount;
      }
    }
  }

  void step() {
    World::Client& who = client();
    const uint64_t what = gen.below(40);
    if (what < 22) return write(who);
    if (what < 30) return world.deliver_some(static_cast<size_t>(gen.below(12)));
    if (what < 32) return world.advance(1 + gen.below(2000));
    if (what < 33) return who.cut();
    if (what < 34) return who.go_offline();
    if (what < 36) return who.go_online();
    if (what < 37) return world.hold_log(gen.below(2) == 0);
    if (what < 38) return world.settle();
    if (what < 39) return restart(who);
    if (crash == Crash::KeepsTail) world.sync_log();
    world.crash_node();
  }

  /// With everything stored, as only stored writes can be expected to survive.
  void restart(World::Client& who) {
    who.store();
    who.restart();
  }

  void clone() {
    World::Client& original = client();
    // Copied while it runs: what is not stored yet is not in the copy.
    if (gen.below(2) == 0) original.store();
    clients.push_back(&world.clone_client(original));
    if (gen.below(2) == 0) clients.back()->go_online();
  }

  void heal() {
    world.hold_log(false);
    for (World::Client* each : clients) {
      each->hold_storage(false);
      each->go_online();
    }
    for (int i = 0; i < 12; ++i) {
      world.advance(31'000);
      world.settle();
    }
  }
};

bool same_root(const node::Shard::Root& left, const node::Shard::Root& right) {
  return left.hash == right.hash && left.records == right.records;
}

/// Everybody holds the same, and every write of an entry is there.
void check_agreement(History& history) {
  for (World::Client* client : history.clients) {
    CHECK(client->pending() == 0);
    CHECK(client->rejected.empty());
    CHECK(same_root(client->root(kLww), history.world.node_root(MapKind::Lww, "notes")));
    CHECK(same_root(client->root(kOr), history.world.node_root(MapKind::Or, "tags")));
    CHECK(same_root(client->root(kCounter), history.world.node_root(MapKind::Counter, "hits")));
    for (const std::string& key : history.unique_keys) CHECK(client->get(kLww, key) == key);
    CHECK(client->get(kLww, "shared") == history.clients[0]->get(kLww, "shared"));
  }
}

/// Every step and every element counts once.
void check_counts(History& history) {
  const std::vector<std::string> elements(history.elements.begin(), history.elements.end());
  for (World::Client* client : history.clients) {
    CHECK(client->counter(kCounter, "n0") == history.counted[0]);
    CHECK(client->counter(kCounter, "n1") == history.counted[1]);
    CHECK(client->elements(kOr, "tags") == elements);
  }
}

void run_clones(Gen& gen, uint64_t steps, Crash crash) {
  World world({.shards = static_cast<uint16_t>(1 + gen.below(3))});
  History history(world, gen, 2, crash);
  for (uint64_t i = 0; i < steps; ++i) {
    history.step();
    const bool has_room = history.clients.size() < kClientsMax;
    if (gen.below(25) == 0 && has_room) history.clone();
  }
  history.heal();
  check_agreement(history);
  if (crash == Crash::KeepsTail) check_counts(history);
}

void run_without_clones(Gen& gen, uint64_t steps) {
  World world({.shards = static_cast<uint16_t>(1 + gen.below(3))});
  History history(world, gen, 2, Crash::LosesTail);
  for (uint64_t i = 0; i < steps; ++i) {
    history.step();
    if (gen.below(20) == 0) history.client().hold_storage(gen.below(2) == 0);
    // A process that dies, whatever it had stored.
    if (gen.below(15) == 0) history.client().restart();
  }
  history.heal();
  for (World::Client* client : history.clients) CHECK(client->replaced.empty());
}

}  // namespace

TEST_CASE("clones: random histories with copies of clients lose nothing and double nothing") {
  for_each_seed(200, [](Gen& gen) { run_clones(gen, 150, Crash::KeepsTail); });
}

TEST_CASE("clones: copies agree in the end, even when the node forgot whom it had served") {
  for_each_seed(100, [](Gen& gen) { run_clones(gen, 150, Crash::LosesTail); });
}

TEST_CASE("clones: no client is taken for a copy that is none, whatever crashes") {
  for_each_seed(1000, [](Gen& gen) { run_without_clones(gen, 80); });
}

}  // namespace topgun
