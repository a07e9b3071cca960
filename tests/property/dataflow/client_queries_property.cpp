#include <doctest/doctest.h>

#include <algorithm>

#include "core/dataflow/client_queries.hpp"
#include "tests/support/encoded_value.hpp"
#include "tests/support/property.hpp"
#include "tests/support/world.hpp"

namespace topgun::dataflow {
namespace {

using client::Command;
using client::Event;
using query::Direction;
using query::Query;

constexpr uint64_t kMap = 1;
constexpr uint64_t kSubscription = 7;

/// The greatest values from "c" on, three at most.
Query standing_query(uint64_t limit) {
  Query query;
  query.where = query::at_least({}, query::text("c"));
  query.order = {{{}, Direction::Descending}};
  query.limit = limit;
  return query;
}

/// What the query finds among the entries that the application sees.
std::vector<std::string> expected_keys(const std::map<std::string, std::string>& entries,
                                       uint64_t limit) {
  std::vector<std::pair<std::string, std::string>> found;
  for (const auto& [key, value] : entries) {
    if (value >= "c") found.emplace_back(value, key);
  }
  // Keys are in order already and stay so among equal values.
  std::stable_sort(found.begin(), found.end(),
                   [](const auto& a, const auto& b) { return a.first > b.first; });
  if (found.size() > limit) found.resize(limit);
  std::vector<std::string> keys;
  for (const auto& [value, key] : found) keys.push_back(key);
  return keys;
}

std::vector<std::string> read_rows(ByteReader& in) {
  REQUIRE(in.u8() == 0);
  std::vector<std::string> keys;
  for (uint64_t n = in.varint(); n > 0; --n) keys.emplace_back(as_text(in.blob(kKeyBytesMax)));
  REQUIRE(in.ok());
  return keys;
}

/// A client's live query as its host keeps it.
class LiveList {
 public:
  LiveList(World::Client& client, uint64_t limit) : client_(client), limit_(limit) {}

  void subscribe() {
    Bytes payload;
    ByteWriter out(payload);
    out.varint(kSubscription);
    out.varint(kMap);
    out.raw(encode_query(standing_query(limit_)));
    const auto answer = client_.command(Command::SubscribeQuery, payload);
    REQUIRE(answer.error == 0);
    client_.query_events.clear();
    ByteReader in(answer.payload);
    keys_ = read_rows(in);
  }

  /// Takes what the engine has said since the last time.
  void follow() {
    for (const auto& [event, payload] : client_.query_events) {
      REQUIRE(event == Event::QueryRows);
      ByteReader in(payload);
      REQUIRE(in.varint() == 1);
      REQUIRE(in.varint() == kSubscription);
      for (uint64_t n = in.varint(); n > 0; --n) take_step(in);
      REQUIRE((in.ok() && in.at_end()));
    }
    client_.query_events.clear();
  }

  const std::vector<std::string>& keys() const { return keys_; }

  /// The same, asked once.
  std::vector<std::string> ask() {
    Bytes payload;
    ByteWriter out(payload);
    out.varint(kMap);
    out.raw(encode_query(standing_query(limit_)));
    const auto answer = client_.command(Command::Query, payload);
    REQUIRE(answer.error == 0);
    ByteReader in(answer.payload);
    return read_rows(in);
  }

 private:
  void take_step(ByteReader& in) {
    const auto kind = static_cast<Edit::Kind>(in.u8());
    const auto from = static_cast<std::ptrdiff_t>(in.varint());
    const auto to = static_cast<std::ptrdiff_t>(in.varint());
    if (kind == Edit::Kind::Leave) {
      keys_.erase(keys_.begin() + from);
      return;
    }
    std::string key(as_text(in.blob(kKeyBytesMax)));
    if (kind == Edit::Kind::Move) keys_.erase(keys_.begin() + from);
    if (kind != Edit::Kind::Update) keys_.insert(keys_.begin() + to, key);
    keys_[static_cast<size_t>(to)] = std::move(key);
  }

  World::Client& client_;
  uint64_t limit_;
  std::vector<std::string> keys_;
};

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
