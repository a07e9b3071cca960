// Goal: a view that a node keeps is at all times what its query gives of the maps below it: over
// any number of shards, over other views, through crashes of the node, once and live.
// Method: one client writes random records to two maps, another follows views of every placement;
// after each batch each is compared with the same view, made anew by an engine of one piece.

#include <doctest/doctest.h>

#include "core/dataflow/node_views.hpp"
#include "tests/support/property.hpp"
#include "tests/support/random_query.hpp"
#include "tests/support/told_answer.hpp"
#include "tests/support/world.hpp"

namespace topgun::dataflow {
namespace {

using client::Command;
using client::Event;
using node::NodeView;
using query::AggregateKind;
using query::Query;

using Records = std::map<std::string, Bytes>;
const std::vector<std::string> kMaps = {"a", "b"};

query::Attribute named(const char* name) { return query::field(name); }

NodeView view_of(std::string name, std::string map, const Query& query,
                 std::vector<std::string> fields = {}) {
  return {std::move(name), std::move(map), query::encode_query(query), std::move(fields)};
}

/// One view of each kind and placement, over maps and over one another.
std::vector<NodeView> random_views(Gen& gen) {
  std::vector<NodeView> views;
  Query some;
  some.where = random_predicate(gen, 2);
  views.push_back(view_of("some", "a", some));
  Query selected;
  selected.where = random_predicate(gen, 1);
  const query::Attribute attribute = random_attribute(gen);
  selected.select = {attribute, query::record_key(), random_attribute(gen)};
  views.push_back(view_of("selected", "some", selected, {"z", "key", "a"}));
  Query groups;
  groups.where = random_predicate(gen, 1);
  groups.group_by = {random_attribute(gen)};
  groups.aggregates = {{AggregateKind::Count, {}},
                       {AggregateKind::Sum, random_attribute(gen)},
                       {AggregateKind::Min, random_attribute(gen)}};
  views.push_back(
      view_of("groups", gen.coin() ? "a" : "some", groups, {"of", "n", "sum", "least"}));
  Query distinct;
  distinct.group_by = {named("a")};
  views.push_back(view_of("distinct", "selected", distinct, {"value"}));
  Query top;
  top.where = random_predicate(gen, 1);
  top.order = {{random_attribute(gen),
                gen.coin() ? query::Direction::Ascending : query::Direction::Descending}};
  top.offset = gen.below(3);
  top.limit = gen.below(5);
  views.push_back(view_of("top", gen.coin() ? "b" : "some", top));
  Query join;
  query::Join other;
  other.kind = gen.coin() ? query::JoinKind::Inner : query::JoinKind::Left;
  other.map = gen.coin() ? "b" : "groups";
  other.on = {{random_attribute(gen), other.map == "b" ? random_attribute(gen) : named("of")}};
  if (other.map == "b") other.where = random_predicate(gen, 1);
  join.joins = {other};
  join.select = {query::record_key(), query::on_side(1, query::record_key())};
  views.push_back(view_of("joined", gen.coin() ? "a" : "some", join, {"left", "right"}));
  Query counted;
  counted.group_by = {named("right")};
  counted.aggregates = {{AggregateKind::Count, {}}};
  views.push_back(view_of("counted", "joined", counted, {"right", "n"}));
  Query most;
  most.order = {{named("n"), query::Direction::Descending}};
  most.limit = 2;
  views.push_back(view_of("most", gen.coin() ? "counted" : "groups", most));
  return views;
}

/// The records of all views, as a single engine makes them.
std::map<std::string, Records> views_anew(const std::vector<NodeView>& views,
                                          const std::map<std::string, Records>& maps) {
  std::map<std::string, query::Collection> collections;
  QueryEngine engine;
  for (const std::string& map : kMaps) {
    REQUIRE(engine.attach(map, collections[map]).ok());
    const auto records = maps.find(map);
    if (records == maps.end()) continue;
    for (const auto& [key, value] : records->second) {
      collections[map].apply({std::nullopt, as_bytes(key), std::nullopt, ByteView(value)});
    }
    collections[map].end_batch();
  }
  std::map<std::string, Records> all;
  for (const NodeView& view : views) {
    const auto query = query::decode_query(view.query);
    REQUIRE(query.ok());
    REQUIRE(engine.define_view(view.name, view.map, *query, view.fields).ok());
    const query::Collection& rows = *engine.find(view.name);
    rows.all().for_each([&](query::RowId row) {
      const query::RowView record = rows.rows().view(row);
      all[view.name][std::string(as_text(record.key))] = to_bytes(record.value);
    });
  }
  return all;
}

class Asker {
 public:
  Asker(World& world, Gen& gen) : client_(world.add_client(false)) {
    client_.use_exchanges(gen.chance(1, 4));
    client_.set_polling(gen.coin() ? 5'000 : 0, 100, 100);
    client_.go_online();
  }

  void ask(const std::string& view, bool live) {
    ToldAnswer told;
    told.live = live;
    Bytes payload;
    ByteWriter out(payload);
    out.varint(++last_);
    out.u8(live ? 1 : 0);
    out.blob(as_bytes(view));
    out.raw(encode_query(told.query));
    REQUIRE(client_.command(Command::AskNode, payload).error == 0);
    told_.emplace(last_, std::pair(view, std::move(told)));
  }

  void hear() {
    for (const auto& [event, payload] : client_.query_events) {
      ByteReader in(payload);
      const auto found = told_.find(in.varint());
      if (found == told_.end()) continue;
      CAPTURE(found->second.first);
      REQUIRE(event != Event::NodeQueryFailed);
      ToldAnswer& told = found->second.second;
      event == Event::NodeAnswer ? told.take_answer(in) : told.take_steps(in);
    }
    client_.query_events.clear();
  }

  void check(std::map<std::string, Records> expected) {
    for (auto it = told_.begin(); it != told_.end();) {
      const std::string& view = it->second.first;
      const ToldAnswer& told = it->second.second;
      CAPTURE(view);
      CAPTURE(told.live);
      REQUIRE(told.is_answered);
      const Records records(told.rows.begin(), told.rows.end());
      REQUIRE(records.size() == told.rows.size());
      REQUIRE(records == expected[view]);
      it = told.live ? std::next(it) : told_.erase(it);
    }
  }

  World::Client& client() { return client_; }

 private:
  World::Client& client_;
  uint64_t last_ = 0;
  std::map<uint64_t, std::pair<std::string, ToldAnswer>> told_;
};

void write_some(World::Client& writer, std::map<std::string, Records>& maps, Gen& gen) {
  for (uint64_t writes = gen.below(8); writes > 0; --writes) {
    const size_t map = static_cast<size_t>(gen.below(kMaps.size()));
    const std::string key = "k" + std::to_string(gen.below(16));
    Bytes payload;
    ByteWriter out(payload);
    out.varint(map + 1);
    out.blob(as_bytes(key));
    if (gen.chance(1, 4)) {
      REQUIRE(writer.command(Command::Remove, payload).error == 0);
      maps[kMaps[map]].erase(key);
      continue;
    }
    const Bytes value = random_record_value(gen);
    out.varint(0);
    out.raw(value);
    REQUIRE(writer.command(Command::Set, payload).error == 0);
    maps[kMaps[map]][key] = value;
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

TEST_CASE("node views: they are what their queries give, whatever happens to the node") {
  for_each_seed(60, [](Gen& gen) {
    World::Options options;
    options.shards = static_cast<uint16_t>(gen.between(1, 4));
    options.views = random_views(gen);
    REQUIRE_FALSE(check_views(options.views));
    const std::vector<NodeView> views = options.views;
    World world(options);
    World::Client& writer = world.add_client();
    for (size_t map = 0; map < kMaps.size(); ++map) {
      writer.open(map + 1, MapKind::Lww, kMaps[map]);
    }
    writer.go_online();
    std::map<std::string, Records> maps;
    write_some(writer, maps, gen);
    if (gen.coin()) settle(world);
    Asker asker(world, gen);
    for (int round = 0; round < 8; ++round) {
      write_some(writer, maps, gen);
      if (gen.chance(1, 2)) asker.ask(gen.pick(views).name, true);
      if (gen.chance(1, 6)) asker.client().cut();
      if (gen.chance(1, 5)) world.crash_node();
      if (gen.chance(1, 4)) world.deliver_some(static_cast<size_t>(gen.below(8)));
      write_some(writer, maps, gen);
      if (gen.chance(1, 3)) world.deliver_some(static_cast<size_t>(gen.below(30)));
      settle(world);
      asker.hear();
      asker.check(views_anew(views, maps));
      for (const NodeView& view : views) asker.ask(view.name, false);
      settle(world);
      asker.hear();
      asker.check(views_anew(views, maps));
    }
  });
}

TEST_CASE("node views: the first of an order stay the first while records change places") {
  for_each_seed(20, [](Gen& gen) {
    World::Options options;
    options.shards = static_cast<uint16_t>(gen.between(2, 3));
    Query top;
    top.order = {{named("n"), query::Direction::Descending}};
    top.offset = gen.below(3);
    top.limit = gen.between(1, 6);
    options.views = {view_of("top", "a", top)};
    const std::vector<NodeView> views = options.views;
    World world(options);
    World::Client& writer = world.add_client();
    writer.open(1, MapKind::Lww, "a");
    writer.go_online();
    Asker asker(world, gen);
    asker.ask("top", true);
    std::map<std::string, Records> maps;
    for (int round = 0; round < 40; ++round) {
      for (uint64_t writes = gen.between(1, 3); writes > 0; --writes) {
        const std::string key = "k" + std::to_string(gen.below(14));
        Bytes payload;
        ByteWriter out(payload);
        out.varint(1);
        out.blob(as_bytes(key));
        if (gen.chance(1, 4)) {
          REQUIRE(writer.command(Command::Remove, payload).error == 0);
          maps["a"].erase(key);
          continue;
        }
        Bytes value;
        ValueWriter value_writer(value);
        value_writer.begin_map(1);
        value_writer.key("n");
        value_writer.integer(static_cast<int64_t>(gen.below(20)));
        out.varint(0);
        out.raw(value);
        REQUIRE(writer.command(Command::Set, payload).error == 0);
        maps["a"][key] = value;
      }
      settle(world);
      asker.hear();
      asker.check(views_anew(views, maps));
    }
  });
}

}  // namespace
}  // namespace topgun::dataflow
