// Goal: joins that a node answers are what nested loops over the records say that the asker may
// see, all the time: over any number of shards, once and live, whatever breaks and whoever is slow.
// Method: one client writes random records to three maps, another, who may see some of them, asks
// random queries with joins and keeps the answers by the steps that it is told.

#include <doctest/doctest.h>

#include "core/node/access_policy.hpp"
#include "tests/oracle/naive_answer.hpp"
#include "tests/oracle/random_plan.hpp"
#include "tests/support/property.hpp"
#include "tests/support/query_world.hpp"
#include "tests/support/told_answer.hpp"
#include "tests/support/world.hpp"

namespace topgun::dataflow {
namespace {

using client::Command;
using client::Event;
using oracle::Flavour;
using oracle::Records;

const std::vector<std::string> kMaps = {"a", "b", "c"};

/// A token is the subject's name; the writer is an admin.
class Names final : public node::Authenticator {
 public:
  Result<node::Principal> verify(ByteView token, uint64_t) const override {
    node::Principal principal{std::string(as_text(token)), {}, 0};
    if (as_text(token) == "writer") principal.roles.emplace_back("admin");
    return principal;
  }
};

struct Maps {
  std::map<std::string, Records> all;

  void write_some(World::Client& writer, Gen& gen, bool heavy) {
    for (uint64_t writes = gen.below(8); writes > 0; --writes) {
      const size_t map = static_cast<size_t>(gen.below(kMaps.size()));
      Records& records = all[kMaps[map]];
      // Keys are among what fields may hold, so that joins by key find something.
      const std::string key = "k" + std::to_string(gen.below(8));
      Bytes payload;
      ByteWriter out(payload);
      out.varint(map + 1);
      out.blob(as_bytes(key));
      if (gen.chance(1, 4)) {
        REQUIRE(writer.command(Command::Remove, payload).error == 0);
        records.erase(key);
        continue;
      }
      Bytes value = oracle::random_record(gen, Flavour::Plain);
      if (heavy && gen.chance(1, 4)) {
        value.clear();
        ValueWriter(value).text(std::string(2'000, static_cast<char>(gen.between('a', 'z'))));
      }
      out.varint(0);
      out.raw(value);
      REQUIRE(writer.command(Command::Set, payload).error == 0);
      records[key] = value;
    }
  }

  /// What the asker may see, by the rule of each map.
  std::map<std::string, Records> seen_by(const std::map<std::string, std::string>& rules) const {
    std::map<std::string, Records> seen;
    for (const std::string& map : kMaps) {
      const auto records = all.find(map);
      if (records == all.end()) continue;
      const auto rule = rules.find(map);
      for (const auto& [key, value] : records->second) {
        const std::string_view path[] = {"status"};
        const auto status = ValueView(value).at_path(path);
        const bool is_seen =
            rule == rules.end() || (status && status->as_text() == std::string_view(rule->second));
        if (is_seen) seen[map][key] = value;
      }
    }
    return seen;
  }
};

class Asker {
 public:
  Asker(World& world, Gen& gen) : client_(world.add_client(false)), gen_(gen) {
    client_.set_token("asker");
    client_.use_exchanges(gen.chance(1, 3));
    client_.set_polling(gen.coin() ? 5'000 : 0, 100, 100);
    client_.go_online();
  }

  void ask(bool live) {
    ToldAnswer told;
    std::string map;
    do {
      told.query =
          random_plan(gen_, Flavour::Plain, live ? oracle::Use::Live : oracle::Use::Once, kMaps);
      told.query.hints = {};
    } while (told.query.joins.empty());
    map = gen_.pick(kMaps);
    told.live = live;
    Bytes payload;
    ByteWriter out(payload);
    out.varint(++last_);
    out.u8(live ? 1 : 0);
    out.blob(as_bytes(map));
    out.raw(encode_query(told.query));
    REQUIRE(client_.command(Command::AskNode, payload).error == 0);
    told_.emplace(last_, std::pair(std::move(map), std::move(told)));
  }

  void end_one() {
    if (told_.empty()) return;
    const auto it = std::next(told_.begin(), static_cast<ptrdiff_t>(gen_.below(told_.size())));
    Bytes payload;
    ByteWriter(payload).varint(it->first);
    REQUIRE(client_.command(Command::EndAsk, payload).error == 0);
    told_.erase(it);
  }

  void hear() {
    for (const auto& [event, payload] : client_.query_events) {
      ByteReader in(payload);
      const auto found = told_.find(in.varint());
      if (found == told_.end()) continue;
      REQUIRE(event != Event::NodeQueryFailed);
      ToldAnswer& told = found->second.second;
      event == Event::NodeAnswer ? told.take_answer(in) : told.take_steps(in);
    }
    client_.query_events.clear();
  }

  void check(const std::map<std::string, Records>& seen) {
    for (auto it = told_.begin(); it != told_.end();) {
      check_one(it->second.first, it->second.second, seen);
      it = it->second.second.live ? std::next(it) : told_.erase(it);
    }
  }

  World::Client& client() { return client_; }

 private:
  static void check_one(const std::string& map, const ToldAnswer& told,
                        const std::map<std::string, Records>& seen) {
    REQUIRE(told.is_answered);
    static const Records kNone;
    std::vector<const Records*> sides;
    for (size_t side = 0; side < told.query.sides(); ++side) {
      const auto found = seen.find(side == 0 ? map : told.query.joins[side - 1].map);
      sides.push_back(found == seen.end() ? &kNone : &found->second);
    }
    const oracle::NaiveAnswer naive = oracle::naive_answer(told.query, sides);
    if (told.query.is_grouped()) {
      std::vector<Bytes> groups;
      for (const auto& [key, group] : told.groups) groups.push_back(group);
      REQUIRE(same_groups(groups, naive.groups));
      return;
    }
    REQUIRE(told.rows.size() == naive.rows.size());
    for (size_t i = 0; i < told.rows.size(); ++i) {
      std::string keys;
      for (size_t side = 0; side < told.query.sides(); ++side) {
        if (!told.query.has_side(side) || !naive.rows[i].keys[side]) continue;
        keys += std::to_string(side) + *naive.rows[i].keys[side] + " ";
      }
      REQUIRE(told.rows[i].first == keys);
      REQUIRE(told.rows[i].second == naive.rows[i].value);
    }
  }

  World::Client& client_;
  Gen& gen_;
  uint64_t last_ = 0;
  std::map<uint64_t, std::pair<std::string, ToldAnswer>> told_;
};

/// Lets polls come round, and clients that lost the node find it again.
void settle(World& world) {
  for (int i = 0; i < 6; ++i) {
    world.settle();
    world.advance(200);
  }
  world.settle();
}

TEST_CASE("node joins: answers kept by steps are what nested loops say of what may be seen") {
  const Names names;
  for_each_seed(80, [&](Gen& gen) {
    // Of some maps the asker may see what has one status.
    std::map<std::string, std::string> rules;
    std::vector<std::string> texts{"admin:*:rw"};
    for (const std::string& map : kMaps) {
      if (gen.chance(1, 3)) rules[map] = gen.coin() ? "a" : "k1";
      const bool has_rule = rules.count(map) != 0;
      texts.push_back("*:" + map + (has_rule ? ":r(status=" + rules[map] + ")" : ":r"));
    }
    const auto access = node::RuleAccessPolicy::parse(texts);
    REQUIRE(access.ok());
    World::Options options;
    options.shards = static_cast<uint16_t>(gen.between(1, 4));
    options.authenticator = &names;
    options.access = &*access;
    const bool is_heavy = gen.coin();
    if (is_heavy) options.limits.credit_bytes = 20'000;
    World world(options);
    World::Client& writer = world.add_client();
    writer.set_token("writer");
    for (size_t i = 0; i < kMaps.size(); ++i) writer.open(i + 1, MapKind::Lww, kMaps[i]);
    writer.go_online();
    Asker asker(world, gen);
    Maps maps;
    for (int round = 0; round < 12; ++round) {
      maps.write_some(writer, gen, is_heavy);
      if (gen.chance(1, 3)) asker.ask(true);
      if (gen.chance(1, 6)) asker.end_one();
      if (gen.chance(1, 5)) asker.client().cut();
      if (gen.chance(1, 10)) world.crash_node();
      if (gen.chance(1, 5)) world.deliver_some(static_cast<size_t>(gen.below(8)));
      if (gen.chance(1, 8)) asker.client().hold_reading(true);
      maps.write_some(writer, gen, is_heavy);
      if (gen.chance(1, 3)) world.deliver_some(static_cast<size_t>(gen.below(30)));
      asker.client().hold_reading(false);
      settle(world);
      asker.hear();
      asker.check(maps.seen_by(rules));
      if (gen.coin()) continue;
      // What is asked once is answered as things are by then.
      for (uint64_t questions = gen.between(1, 4); questions > 0; --questions) asker.ask(false);
      if (gen.chance(1, 5)) asker.client().cut();
      settle(world);
      asker.hear();
      asker.check(maps.seen_by(rules));
    }
  });
}

}  // namespace
}  // namespace topgun::dataflow
