// Goal: what a node answers to a client that holds nothing is what the records say, all the time:
// over any number of shards, over connections and requests, whatever breaks and whoever is slow.
// Method: one client writes random records, another asks random queries and keeps the answers by
// the steps that it is told; after each batch both are compared with a naive evaluation.

#include <doctest/doctest.h>

#include "core/value/value_writer.hpp"
#include "tests/support/property.hpp"
#include "tests/support/query_world.hpp"
#include "tests/support/random_query.hpp"
#include "tests/support/told_answer.hpp"
#include "tests/support/world.hpp"

namespace topgun::dataflow {
namespace {

using client::Command;
using client::Event;
using query::Query;

constexpr uint64_t kMap = 1;
class Asker {
 public:
  Asker(World& world, Gen& gen) : client_(world.add_client(false)), gen_(gen) {
    client_.use_exchanges(gen.chance(1, 3));
    client_.set_polling(gen.coin() ? 5'000 : 0, 100, 100);
    client_.go_online();
  }

  void ask(bool live) {
    ToldAnswer told;
    told.query = random_query(gen_);
    told.live = live;
    if (live && told.query.is_grouped()) {
      told.query.limit.reset();
      told.query.offset = 0;
    }
    if (!told.query.is_grouped() && gen_.chance(1, 4)) {
      told.query.select = {random_attribute(gen_), query::record_key()};
    }
    Bytes payload;
    ByteWriter out(payload);
    out.varint(++last_);
    out.u8(live ? 1 : 0);
    out.blob(as_bytes("m"));
    out.raw(encode_query(told.query));
    REQUIRE(client_.command(Command::AskNode, payload).error == 0);
    told_.emplace(last_, std::move(told));
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
      event == Event::NodeAnswer ? found->second.take_answer(in) : found->second.take_steps(in);
    }
    client_.query_events.clear();
  }

  void check(const std::map<std::string, Bytes>& records) {
    for (auto it = told_.begin(); it != told_.end();) {
      check_one(it->second, records);
      it = it->second.live ? std::next(it) : told_.erase(it);
    }
  }

  World::Client& client() { return client_; }

 private:
  static void check_one(const ToldAnswer& told, const std::map<std::string, Bytes>& records) {
    REQUIRE(told.is_answered);
    const ModelAnswer model = model_answer(told.query, records);
    if (told.query.is_grouped()) {
      std::vector<Bytes> groups;
      for (const auto& [key, group] : told.groups) groups.push_back(group);
      REQUIRE(same_groups(groups, model.groups));
      return;
    }
    std::vector<std::string> keys;
    for (const auto& [key, value] : told.rows) keys.push_back(key);
    REQUIRE(keys == model.keys);
    for (const auto& [key, value] : told.rows) {
      query::RowView row;
      row.key = as_bytes(key);
      row.value = records.at(key);
      REQUIRE(value == query::select_value(told.query, row));
    }
  }

  World::Client& client_;
  Gen& gen_;
  uint64_t last_ = 0;
  std::map<uint64_t, ToldAnswer> told_;
};

/// With `heavy` records a reader who pauses soon lags behind.
void write_some(World::Client& writer, std::map<std::string, Bytes>& records, Gen& gen,
                bool heavy) {
  for (uint64_t writes = gen.below(6); writes > 0; --writes) {
    const std::string key = "k" + std::to_string(gen.below(24));
    Bytes payload;
    ByteWriter out(payload);
    out.varint(kMap);
    out.blob(as_bytes(key));
    if (gen.chance(1, 4)) {
      REQUIRE(writer.command(Command::Remove, payload).error == 0);
      records.erase(key);
      continue;
    }
    Bytes value = random_record_value(gen);
    if (heavy && gen.coin()) {
      value.clear();
      ValueWriter(value).text(std::string(4'000, static_cast<char>(gen.between('a', 'z'))));
    }
    out.varint(0);
    out.raw(value);
    REQUIRE(writer.command(Command::Set, payload).error == 0);
    records[key] = value;
  }
}

/// Lets polls come round, and clients that lost the node find it again.
void settle(World& world) {
  for (int i = 0; i < 6; ++i) {
    world.settle();
    world.advance(200);
  }
  world.settle();
}

TEST_CASE("node queries: answers kept by steps are what the records say, whatever the way") {
  for_each_seed(60, [](Gen& gen) {
    World::Options options;
    options.shards = static_cast<uint16_t>(gen.between(1, 4));
    const bool is_heavy = gen.coin();
    if (is_heavy) options.limits.credit_bytes = 20'000;
    World world(options);
    World::Client& writer = world.add_client();
    writer.open(kMap, MapKind::Lww, "m");
    writer.go_online();
    Asker asker(world, gen);
    std::map<std::string, Bytes> records;
    for (int round = 0; round < 12; ++round) {
      write_some(writer, records, gen, is_heavy);
      if (gen.chance(1, 3)) asker.ask(true);
      if (gen.chance(1, 6)) asker.end_one();
      if (gen.chance(1, 5)) asker.client().cut();
      if (gen.chance(1, 10)) world.crash_node();
      if (gen.chance(1, 5)) world.deliver_some(static_cast<size_t>(gen.below(8)));
      if (gen.chance(1, 8)) asker.client().hold_reading(true);
      write_some(writer, records, gen, is_heavy);
      if (gen.chance(1, 3)) world.deliver_some(static_cast<size_t>(gen.below(30)));
      asker.client().hold_reading(false);
      settle(world);
      asker.hear();
      asker.check(records);
      if (gen.coin()) continue;
      // What is asked once is answered as things are by then.
      for (uint64_t questions = gen.between(1, 4); questions > 0; --questions) asker.ask(false);
      if (gen.chance(1, 5)) asker.client().cut();
      settle(world);
      asker.hear();
      asker.check(records);
    }
  });
}

}  // namespace
}  // namespace topgun::dataflow
