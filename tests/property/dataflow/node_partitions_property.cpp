// Goal: what a node answers from the shards that conditions on keys and partition fields leave is
// what it would answer from all of them, once and live, with joins, whatever is written and after
// restarts; what contradicts its key never enters.
// Method: one client writes records of a few tenants to two maps with partition keys, another asks
// with conditions on keys and tenants and keeps the answers by the steps that it is told.

#include <doctest/doctest.h>

#include "core/value/value_writer.hpp"
#include "tests/oracle/naive_answer.hpp"
#include "tests/support/property.hpp"
#include "tests/support/query_world.hpp"
#include "tests/support/told_answer.hpp"
#include "tests/support/world.hpp"

namespace topgun::dataflow {
namespace {

using client::Command;
using client::Event;
using oracle::Records;
using query::Predicate;
using query::Query;

constexpr uint64_t kTenants = 5;

/// Two maps with other separators, and one without a partition key.
struct Kept {
  std::string name;
  char separator;
};
const std::vector<Kept> kMaps = {{"a", '/'}, {"b", ':'}, {"c", '-'}};

Bytes text(std::string_view text) {
  Bytes value;
  ValueWriter(value).text(text);
  return value;
}

/// What a tenant is in a record: some are called by a number.
Bytes tenant_value(uint64_t tenant, bool as_number) {
  Bytes value;
  ValueWriter writer(value);
  as_number ? writer.unsigned_integer(tenant) : writer.text(std::to_string(tenant));
  return value;
}

struct Maps {
  std::map<std::string, Records> all;
  uint64_t refused = 0;

  void write_some(World::Client& writer, Gen& gen) {
    for (uint64_t writes = gen.below(10); writes > 0; --writes) write_one(writer, gen);
  }

  void write_one(World::Client& writer, Gen& gen) {
    const auto map = static_cast<size_t>(gen.below(kMaps.size()));
    const uint64_t tenant = gen.below(kTenants);
    const std::string number = std::to_string(tenant);
    const std::string rest = std::to_string(gen.below(4));
    const std::string key = gen.chance(1, 8) ? number : number + kMaps[map].separator + rest;
    Records& records = all[kMaps[map].name];
    Bytes payload;
    ByteWriter out(payload);
    out.varint(map + 1);
    out.blob(as_bytes(key));
    if (gen.chance(1, 4)) {
      REQUIRE(writer.command(Command::Remove, payload).error == 0);
      records.erase(key);
      return;
    }
    const bool is_wrong = gen.chance(1, 8);
    const bool is_declared = kMaps[map].name != "c";
    const bool has_tenant = is_wrong || !gen.chance(1, 6);
    Bytes value;
    ValueWriter writer_of_value(value);
    writer_of_value.begin_map(has_tenant ? 2 : 1);
    writer_of_value.key("n");
    writer_of_value.unsigned_integer(gen.below(5));
    if (has_tenant) {
      const Bytes named = tenant_value(is_wrong ? tenant + kTenants : tenant, gen.coin());
      writer_of_value.key("tenant");
      writer_of_value.encoded(ValueView(named));
    }
    out.varint(0);
    out.raw(value);
    REQUIRE(writer.command(Command::Set, payload).error == 0);
    if (is_wrong && is_declared) {
      ++refused;
    } else {
      records[key] = value;
    }
  }
};

Predicate random_condition(Gen& gen, char separator, uint32_t depth) {
  const uint64_t tenant = gen.below(kTenants);
  const std::string number = std::to_string(tenant);
  const std::string key = number + separator + std::to_string(gen.below(4));
  switch (gen.below(depth == 0 ? 7 : 10)) {
    case 0:
      return query::equal_to(query::field("tenant"), tenant_value(tenant, gen.coin()));
    case 1: {
      const uint64_t other = gen.below(9);
      const bool as_number = gen.coin();
      const bool has_nil = gen.chance(1, 4);
      const Bytes also = has_nil ? Bytes{0xc0} : tenant_value(other, !as_number);
      return query::is_in(query::field("tenant"), {tenant_value(tenant, as_number), also});
    }
    case 2:
      return query::equal_to(query::record_key(), text(key));
    case 3:
      return query::test(query::PredicateKind::Prefix, query::record_key(),
                         {text(gen.coin() ? number : number + separator)});
    case 4:
      return query::between(query::record_key(), text(number + separator), text(key));
    case 5:
      return query::is_in(query::record_key(), {text(key), text(number), tenant_value(3, true)});
    case 6:
      return query::at_least(query::field("n"), tenant_value(gen.below(5), true));
    default:
      break;
  }
  std::vector<Predicate> children;
  for (uint64_t count = gen.between(1, 3); count > 0; --count) {
    children.push_back(random_condition(gen, separator, depth - 1));
  }
  if (gen.chance(1, 4)) return query::negation(std::move(children[0]));
  return gen.coin() ? query::all_of(std::move(children)) : query::any_of(std::move(children));
}

class Asker {
 public:
  Asker(World& world, Gen& gen) : client_(world.add_client(false)), gen_(gen) {
    client_.set_polling(0, 100, 100);
    client_.go_online();
  }

  void ask(bool live) {
    const Kept& map = gen_.pick(kMaps);
    ToldAnswer told;
    told.live = live;
    Query& query = told.query;
    query.where = random_condition(gen_, map.separator, 2);
    if (gen_.chance(1, 3)) {
      const Kept& joined = gen_.pick(kMaps);
      query::Join join;
      join.kind = static_cast<query::JoinKind>(gen_.below(4));
      join.map = joined.name;
      join.on.push_back({query::field("tenant"), query::field("tenant")});
      if (gen_.coin()) join.where = random_condition(gen_, joined.separator, 1);
      query.joins.push_back(std::move(join));
    } else if (gen_.chance(1, 4)) {
      query.group_by = {query::field("n")};
      query.aggregates = {{query::AggregateKind::Count, {}}};
    }
    Bytes payload;
    ByteWriter out(payload);
    out.varint(++last_);
    out.u8(live ? 1 : 0);
    out.blob(as_bytes(map.name));
    out.raw(encode_query(query));
    REQUIRE(client_.command(Command::AskNode, payload).error == 0);
    told_.emplace(last_, std::pair(map.name, std::move(told)));
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

  void check(std::map<std::string, Records>& all) {
    for (auto it = told_.begin(); it != told_.end();) {
      check_one(it->second.first, it->second.second, all);
      it = it->second.second.live ? std::next(it) : told_.erase(it);
    }
  }

 private:
  static void check_one(const std::string& map, const ToldAnswer& told,
                        std::map<std::string, Records>& all) {
    REQUIRE(told.is_answered);
    std::vector<const Records*> sides;
    for (size_t side = 0; side < told.query.sides(); ++side) {
      sides.push_back(&all[side == 0 ? map : told.query.joins[side - 1].map]);
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
        if (!told.query.joins.empty()) keys += std::to_string(side);
        keys += *naive.rows[i].keys[side];
        if (!told.query.joins.empty()) keys += " ";
      }
      REQUIRE(told.rows[i].first == keys);
    }
  }

  World::Client& client_;
  Gen& gen_;
  uint64_t last_ = 0;
  std::map<uint64_t, std::pair<std::string, ToldAnswer>> told_;
};

TEST_CASE("node partitions: answers from the shards that conditions leave are those of all") {
  uint64_t refused = 0;
  for_each_seed(60, [&](Gen& gen) {
    World::Options options;
    options.shards = static_cast<uint16_t>(gen.between(1, 5));
    options.partition_keys = {{"a", {"tenant"}, '/'}, {"b", {"tenant"}, ':'}};
    World world(options);
    World::Client& writer = world.add_client();
    for (size_t i = 0; i < kMaps.size(); ++i) writer.open(i + 1, MapKind::Lww, kMaps[i].name);
    writer.go_online();
    Asker asker(world, gen);
    Maps maps;
    const auto settle = [&] {
      for (int i = 0; i < 6; ++i) {
        world.settle();
        world.advance(200);
      }
      world.settle();
    };
    for (int round = 0; round < 10; ++round) {
      maps.write_some(writer, gen);
      for (uint64_t questions = gen.below(3); questions > 0; --questions) asker.ask(true);
      if (gen.chance(1, 10)) world.crash_node();
      if (gen.chance(1, 3)) world.deliver_some(static_cast<size_t>(gen.below(30)));
      maps.write_some(writer, gen);
      settle();
      asker.hear();
      asker.check(maps.all);
      for (uint64_t questions = gen.between(1, 5); questions > 0; --questions) asker.ask(false);
      settle();
      asker.hear();
      asker.check(maps.all);
    }
    for (const auto& rejected : writer.rejected) REQUIRE(rejected.error == Error::InvalidArgument);
    refused += maps.refused;
    REQUIRE(writer.rejected.size() == maps.refused);
  });
  CHECK(refused > 0);
}

}  // namespace
}  // namespace topgun::dataflow
