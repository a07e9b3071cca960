// Goal: what other engines of incremental views got wrong in public must not happen here. Each test
// is the shape of one report, named by project and number, in a query as small as shows it.

#include <doctest/doctest.h>

#include "tests/support/live_engine.hpp"

namespace topgun::dataflow {
namespace {

using namespace query;

double number_at(const Bytes& group, size_t index) {
  return ValueView(group).at(index)->as_double().value();
}

Query counted_by(Attribute attribute) {
  Query query;
  query.group_by = {std::move(attribute)};
  query.aggregates = {{AggregateKind::Count, {}}, {AggregateKind::Sum, field("price")}};
  return query;
}

TEST_CASE("public bugs: Turso 3406, revenue by order over three joined maps (TPC-H Q3)") {
  LiveEngine world({"customers", "orders", "items"});
  Query query;
  query.joins = {{JoinKind::Inner, "orders", {{record_key(), field("customer")}}, {}},
                 {JoinKind::Inner, "items", {{on_side(1, record_key()), field("order")}}, {}}};
  query.where = all_of({equal_to(field("segment"), query::text("BUILDING")),
                        less_than(on_side(1, field("date")), query::number(10)),
                        greater_than(on_side(2, field("shipped")), query::number(10))});
  query.group_by = {on_side(1, record_key())};
  query.aggregates = {{AggregateKind::Sum, on_side(2, field("price"))}};
  const SubscriptionId id = *world.engine.subscribe("customers", query);
  world.set("customers", "c1", record_value({{"segment", "BUILDING"}}));
  world.set("customers", "c2", record_value({{"segment", "MACHINERY"}}));
  world.set("orders", "o1", record_value({{"customer", "c1"}, {"date", 5.0}}));
  world.set("orders", "o2", record_value({{"customer", "c1"}, {"date", 15.0}}));
  world.set("orders", "o3", record_value({{"customer", "c2"}, {"date", 5.0}}));
  for (const char* const order : {"o1", "o2", "o3"}) {
    for (int line = 0; line < 3; ++line) {
      const std::string key = std::string(order) + "/" + std::to_string(line);
      world.set("items", key,
                record_value({{"order", order}, {"shipped", 9.0 + line}, {"price", 2.0}}));
    }
  }
  (void)world.engine.end_batch();
  REQUIRE(world.engine.groups(id).size() == 1);
  CHECK(number_at(world.engine.groups(id)[0].group, 1) == 2);
  world.set("customers", "c2", record_value({{"segment", "BUILDING"}}));
  world.set("items", "o1/0", record_value({{"order", "o1"}, {"shipped", 20.0}, {"price", 5.0}}));
  (void)world.engine.end_batch();
  CHECK(world.engine.groups(id)[0].group == world.engine.answer("customers", query)->groups[0]);
  REQUIRE(world.engine.groups(id).size() == 2);
  CHECK(number_at(world.engine.groups(id)[0].group, 1) == 7);
}

TEST_CASE("public bugs: Turso 3401, a condition of alternatives over both sides (TPC-H Q19)") {
  LiveEngine world({"items", "parts"});
  Query query;
  query.joins = {{JoinKind::Inner, "parts", {{field("part"), record_key()}}, {}}};
  const auto brand = [](const char* name, double low) {
    return all_of({equal_to(on_side(1, field("brand")), query::text(name)),
                   between(field("quantity"), query::number(low), query::number(low + 10))});
  };
  query.where = any_of({brand("a", 1), brand("b", 10), brand("c", 20)});
  query.aggregates = {{AggregateKind::Sum, field("price")}};
  const SubscriptionId id = *world.engine.subscribe("items", query);
  world.set("parts", "p1", record_value({{"brand", "a"}}));
  world.set("parts", "p2", record_value({{"brand", "b"}}));
  world.set("items", "i1", record_value({{"part", "p1"}, {"quantity", 5.0}, {"price", 1.0}}));
  world.set("items", "i2", record_value({{"part", "p2"}, {"quantity", 5.0}, {"price", 10.0}}));
  world.set("items", "i3", record_value({{"part", "p2"}, {"quantity", 15.0}, {"price", 100.0}}));
  (void)world.engine.end_batch();
  CHECK(number_at(world.engine.groups(id)[0].group, 0) == 101);
  world.set("parts", "p2", record_value({{"brand", "a"}}));
  (void)world.engine.end_batch();
  CHECK(number_at(world.engine.groups(id)[0].group, 0) == 11);
}

TEST_CASE("public bugs: Turso 8531, a group comes back after it was emptied, in a view too") {
  LiveEngine world({"items"});
  REQUIRE(world.engine.define_view("totals", "items", counted_by(field("kind"))).ok());
  for (int round = 0; round < 3; ++round) {
    world.set("items", "i1", record_value({{"kind", "a"}, {"price", 1.0}}));
    (void)world.engine.end_batch();
    CHECK(world.engine.find("totals")->rows().size() == 1);
    world.remove("items", "i1");
    (void)world.engine.end_batch();
    CHECK(world.engine.find("totals")->rows().size() == 0);
  }
}

TEST_CASE("public bugs: Turso 5734, one map on both sides keeps all its rows") {
  LiveEngine world({"items"});
  Query query;
  query.joins = {{JoinKind::Inner, "items", {{field("kind"), field("kind")}}, {}}};
  const SubscriptionId id = *world.engine.subscribe("items", query);
  world.set("items", "1", record_value({{"kind", "a"}}));
  world.set("items", "2", record_value({{"kind", "a"}}));
  (void)world.engine.end_batch();
  CHECK(world.shown(id) == "1-1 1-2 2-1 2-2");
  world.set("items", "2", record_value({{"kind", "b"}}));
  (void)world.engine.end_batch();
  CHECK(world.shown(id) == "1-1 2-2");
  world.remove("items", "1");
  world.set("items", "1", record_value({{"kind", "b"}}));
  (void)world.engine.end_batch();
  CHECK(world.shown(id) == "1-1 1-2 2-1 2-2");
}

TEST_CASE("public bugs: Turso, a view looks at a view") {
  LiveEngine world({"items"});
  REQUIRE(world.engine.define_view("totals", "items", counted_by(field("kind"))).ok());
  Query most;
  most.order = {{field("1"), Direction::Descending}};
  most.limit = 1;
  REQUIRE(world.engine.define_view("most", "totals", most).ok());
  world.set("items", "1", record_value({{"kind", "a"}, {"price", 1.0}}));
  world.set("items", "2", record_value({{"kind", "b"}, {"price", 1.0}}));
  world.set("items", "3", record_value({{"kind", "b"}, {"price", 1.0}}));
  (void)world.engine.end_batch();
  const auto kind_of_most = [&] {
    const Collection& view = *world.engine.find("most");
    std::string kinds;
    view.all().for_each([&](RowId row) {
      kinds += ValueView(view.rows().view(row).value).at(0)->as_text().value();
    });
    return kinds;
  };
  CHECK(kind_of_most() == "b");
  world.remove("items", "2");
  world.set("items", "4", record_value({{"kind", "a"}, {"price", 1.0}}));
  (void)world.engine.end_batch();
  CHECK(kind_of_most() == "a");
}

TEST_CASE("public bugs: Turso, nil and text compare live as they do in a query") {
  LiveEngine world({"items"});
  Query query;
  query.where = negation(greater_than(field("price"), query::number(5)));
  const SubscriptionId id = *world.engine.subscribe("items", query);
  world.set("items", "1", record_value({{"kind", "a"}}));
  world.set("items", "2", record_value({{"price", "9"}}));
  world.set("items", "3", record_value({{"price", 9.0}}));
  (void)world.engine.end_batch();
  CHECK(world.shown(id) == "1 2");
  CHECK(world.engine.rows(id) == world.engine.answer("items", query)->rows);
}

TEST_CASE("public bugs: TanStack DB 1855, an ordered list with a limit is filled again at once") {
  LiveEngine world({"items"});
  Query query;
  query.order = {{field("price")}};
  query.limit = 2;
  const SubscriptionId id = *world.engine.subscribe("items", query);
  for (const char* const key : {"1", "2", "3", "4"}) {
    world.set("items", key, record_value({{"price", static_cast<double>(key[0])}}));
  }
  (void)world.engine.end_batch();
  world.remove("items", "1");
  world.remove("items", "2");
  (void)world.engine.end_batch();
  CHECK(world.shown(id) == "3 4");
}

TEST_CASE("public bugs: Materialize 5013, a list with a limit sees less, not more, when rows go") {
  LiveEngine world({"items"});
  Query query;
  query.order = {{field("price"), Direction::Descending}};
  query.offset = 1;
  query.limit = 1;
  REQUIRE(world.engine.define_view("second", "items", query).ok());
  for (int i = 0; i < 200; ++i) {
    world.set("items", std::to_string(i % 4), record_value({{"price", i * 1.0}}));
    (void)world.engine.end_batch();
    CHECK(world.engine.find("second")->rows().size() == (i == 0 ? 0u : 1u));
  }
}

}  // namespace
}  // namespace topgun::dataflow
