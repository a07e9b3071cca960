#include "core/dataflow/query_engine.hpp"

#include <doctest/doctest.h>

#include "tests/support/live_engine.hpp"

namespace topgun::dataflow {
namespace {

using namespace query;

/// Orders with the customer they are for.
Query orders_with(JoinKind kind) {
  Query query;
  query.joins = {{kind, "customers", {{field("customer"), record_key()}}, {}}};
  return query;
}

Bytes order_for(const char* customer, double amount = 1) {
  return record_value({{"customer", customer}, {"amount", amount}});
}

Bytes customer(const char* city) { return record_value({{"city", city}}); }

Query sum_by(Attribute attribute) {
  Query query;
  query.group_by = {std::move(attribute)};
  query.aggregates = {{AggregateKind::Count, {}}, {AggregateKind::Sum, field("amount")}};
  return query;
}

TEST_CASE("query_engine: a batch over several maps is told at once") {
  LiveEngine world({"customers", "orders"});
  const SubscriptionId id = *world.engine.subscribe("orders", orders_with(JoinKind::Inner));
  world.set("orders", "o1", order_for("c1"));
  world.set("customers", "c1", customer("Bonn"));
  const LiveChanges changes = world.engine.end_batch();
  REQUIRE(changes.rows.size() == 1);
  CHECK(changes.rows[0].edits.size() == 1);
  CHECK(changes.rows[0].edits[0].kind == Edit::Kind::Enter);
  CHECK(world.shown(id) == "o1-c1");
}

TEST_CASE("query_engine: each join keeps what it says when either side changes") {
  struct Case {
    JoinKind kind;
    const char* at_first;
    const char* customer_gone;
    const char* order_moved;
  };
  const Case cases[] = {{JoinKind::Inner, "o1-c1 o2-c1", "", "o1-c2"},
                        {JoinKind::Left, "o1-c1 o2-c1 o3-", "o1- o2- o3-", "o1-c2 o2- o3-"},
                        {JoinKind::Semi, "o1- o2-", "", "o1-"},
                        {JoinKind::Anti, "o3-", "o1- o2- o3-", "o2- o3-"}};
  for (const Case& c : cases) {
    CAPTURE(static_cast<int>(c.kind));
    LiveEngine world({"customers", "orders"});
    const SubscriptionId id = *world.engine.subscribe("orders", orders_with(c.kind));
    world.set("customers", "c1", customer("Bonn"));
    world.set("customers", "c2", customer("Kiel"));
    world.set("orders", "o1", order_for("c1"));
    world.set("orders", "o2", order_for("c1"));
    world.set("orders", "o3", record_value({{"amount", 1.0}}));
    (void)world.engine.end_batch();
    CHECK(world.shown(id) == c.at_first);
    world.remove("customers", "c1");
    (void)world.engine.end_batch();
    CHECK(world.shown(id) == c.customer_gone);
    world.set("orders", "o1", order_for("c2"));
    (void)world.engine.end_batch();
    CHECK(world.shown(id) == c.order_moved);
  }
}

TEST_CASE("query_engine: a joined record with another value is an update in its place") {
  LiveEngine world({"customers", "orders"});
  const SubscriptionId id = *world.engine.subscribe("orders", orders_with(JoinKind::Left));
  world.set("customers", "c1", customer("Bonn"));
  world.set("orders", "o1", order_for("c1"));
  (void)world.engine.end_batch();
  const RowId row = world.engine.rows(id)[0];
  world.set("customers", "c1", customer("Kiel"));
  const LiveChanges changes = world.engine.end_batch();
  REQUIRE(changes.rows.size() == 1);
  CHECK(changes.rows[0].edits == std::vector<Edit>{{Edit::Kind::Update, row, 0, 0}});
}

TEST_CASE("query_engine: nil and missing have no match, not even each other") {
  LiveEngine world({"customers", "orders"});
  Query query;
  query.joins = {{JoinKind::Inner, "customers", {{field("city"), field("city")}}, {}}};
  const SubscriptionId id = *world.engine.subscribe("orders", query);
  world.set("customers", "c1", record_value({}));
  world.set("orders", "o1", record_value({}));
  (void)world.engine.end_batch();
  CHECK(world.shown(id).empty());
  CHECK(world.engine.answer("orders", query)->rows.empty());
}

TEST_CASE("query_engine: live joins get the indexes they need, and take them along") {
  LiveEngine world({"customers", "orders"});
  Query query;
  query.joins = {{JoinKind::Inner, "customers", {{field("city"), field("city")}}, {}}};
  const SubscriptionId first = *world.engine.subscribe("orders", query);
  query.where = equal_to(field("city"), query::text("Bonn"));
  const SubscriptionId second = *world.engine.subscribe("orders", query);
  CHECK(world.engine.live_joins() == 1);
  REQUIRE(world.collection("orders").indexes().size() == 1);
  const std::string name = world.collection("orders").indexes()[0]->name();
  CHECK(world.engine.drop_index("orders", name).error() == Error::InvalidArgument);
  CHECK(world.engine.detach("orders").error() == Error::InvalidArgument);
  CHECK(world.engine.unsubscribe(first));
  CHECK(world.collection("customers").indexes().size() == 1);
  CHECK(world.engine.unsubscribe(second));
  CHECK(world.engine.live_joins() == 0);
  CHECK(world.collection("customers").indexes().empty());
  CHECK(world.collection("orders").indexes().empty());
  CHECK(world.engine.detach("orders").ok());
}

TEST_CASE("query_engine: a view is a map to those who ask it") {
  LiveEngine world({"orders"});
  for (int i = 0; i < 6; ++i) {
    world.set("orders", "o" + std::to_string(i), order_for(i % 2 == 0 ? "c1" : "c2", i));
  }
  (void)world.engine.end_batch();
  REQUIRE(world.engine.define_view("totals", "orders", sum_by(field("customer"))).ok());
  Query large;
  large.where = greater_than(field("2"), query::number(8));
  REQUIRE(world.engine.add_index("totals", {"sum", IndexKind::Ordered, {{field("2")}}}).ok());
  while (world.engine.build_step(100)) {
  }
  large.hints.use_index = "sum";
  const auto found = world.engine.answer("totals", large);
  REQUIRE(found.ok());
  CHECK(found->rows.size() == 1);
  large.hints = {};
  const SubscriptionId id = *world.engine.subscribe("totals", large);
  world.set("orders", "o0", order_for("c1", 100));
  const LiveChanges changes = world.engine.end_batch();
  REQUIRE(changes.rows.size() == 1);
  CHECK(changes.rows[0].edits[0].kind == Edit::Kind::Enter);
  CHECK(world.engine.rows(id).size() == 2);
}

TEST_CASE("query_engine: two ways from one map to a query flush once") {
  LiveEngine world({"orders"});
  Query large;
  large.where = greater_than(field("amount"), query::number(5));
  Query of_one;
  of_one.where = equal_to(field("customer"), query::text("c1"));
  REQUIRE(world.engine.define_view("large", "orders", large).ok());
  REQUIRE(world.engine.define_view("own", "orders", of_one).ok());
  Query both;
  both.joins = {{JoinKind::Inner, "own", {{record_key(), record_key()}}, {}}};
  const SubscriptionId id = *world.engine.subscribe("large", both);
  world.set("orders", "o1", order_for("c1", 9));
  LiveChanges changes = world.engine.end_batch();
  REQUIRE(changes.rows.size() == 1);
  CHECK(changes.rows[0].edits.size() == 1);
  CHECK(world.shown(id) == "o1-o1");
  // Both ways change, and so does one row.
  world.set("orders", "o1", order_for("c1", 8));
  changes = world.engine.end_batch();
  REQUIRE(changes.rows.size() == 1);
  for (const Edit& edit : changes.rows[0].edits) CHECK(edit.kind == Edit::Kind::Update);
}

TEST_CASE("query_engine: views refuse circles, and stay while somebody looks at them") {
  LiveEngine world({"orders"});
  CHECK(world.engine.define_view("v", "v", {}).error() == Error::InvalidArgument);
  REQUIRE(world.engine.define_view("v", "orders", {}).ok());
  CHECK(world.engine.define_view("orders", "v", {}).error() == Error::InvalidArgument);
  REQUIRE(world.engine.define_view("w", "v", {}).ok());
  CHECK(world.engine.drop_view("v").error() == Error::InvalidArgument);
  CHECK(world.engine.detach("v").error() == Error::InvalidArgument);
  CHECK(world.engine.drop_view("orders").error() == Error::InvalidArgument);
  CHECK(world.engine.drop_view("w").ok());
  CHECK(world.engine.drop_view("v").ok());
  CHECK(world.engine.find("v") == nullptr);
}

TEST_CASE("query_engine: plans do not change within a batch") {
  LiveEngine world({"orders"});
  const SubscriptionId id = *world.engine.subscribe("orders", {});
  world.set("orders", "o1", order_for("c1"));
  CHECK(world.engine.subscribe("orders", {}).error() == Error::NotReady);
  CHECK(world.engine.define_view("v", "orders", {}).error() == Error::NotReady);
  CHECK_FALSE(world.engine.unsubscribe(id));
  (void)world.engine.end_batch();
  CHECK(world.engine.unsubscribe(id));
}

TEST_CASE("query_engine: what is not there, or not allowed, is an error") {
  LiveEngine world({"orders"});
  CHECK(world.engine.answer("customers", {}).error() == Error::InvalidArgument);
  CHECK(world.engine.subscribe("orders", orders_with(JoinKind::Inner)).error() ==
        Error::InvalidArgument);
  Query query;
  query.where = equal_to(on_side(1, field("x")), query::text("a"));
  CHECK(world.engine.answer("orders", query).error() == Error::InvalidArgument);
  query = {};
  query.joins = {{JoinKind::Semi, "orders", {{field("a"), field("a")}}, {}}};
  query.order = {{on_side(1, field("x"))}};
  CHECK(world.engine.answer("orders", query).error() == Error::InvalidArgument);
  query.order.clear();
  query.joins[0].on.clear();
  CHECK(world.engine.answer("orders", query).error() == Error::InvalidArgument);
}

TEST_CASE("query_engine: pages of a join by cursor are the whole") {
  LiveEngine world({"customers", "orders"});
  for (int i = 0; i < 9; ++i) {
    world.set("orders", "o" + std::to_string(i), order_for(i % 3 == 0 ? "c1" : "c2", i % 2));
  }
  world.set("customers", "c1", customer("Bonn"));
  world.set("customers", "c2", customer("Kiel"));
  (void)world.engine.end_batch();
  Query query = orders_with(JoinKind::Inner);
  query.order = {{on_side(1, field("city"))}, {field("amount"), Direction::Descending}};
  const std::vector<RowId> whole = world.engine.answer("orders", query)->rows;
  query.limit = 2;
  std::vector<RowId> pages;
  for (;;) {
    const auto page = world.engine.answer("orders", query);
    REQUIRE(page.ok());
    CHECK(page->width == 2);
    pages.insert(pages.end(), page->rows.begin(), page->rows.end());
    if (page->cursor.empty()) break;
    query.after = page->cursor;
  }
  CHECK(whole.size() == 18);
  CHECK(pages == whole);
}

TEST_CASE("query_engine: joins go through indexes, or else through a table of their own") {
  LiveEngine world({"customers", "orders"});
  for (int i = 0; i < 40; ++i) {
    world.set("customers", "c" + std::to_string(i), customer("Bonn"));
    world.set("orders", "o" + std::to_string(i), record_value({{"city", "Bonn"}}));
  }
  (void)world.engine.end_batch();
  const auto way_of = [&](const Query& query) {
    const auto plan = world.engine.explain("orders", query, Run::Analyze);
    REQUIRE(plan.ok());
    REQUIRE(validate_value(*plan).ok());
    const auto step = ValueView(*plan).member("steps")->at(0);
    return std::string(*step->member("way")->as_text());
  };
  Query query = orders_with(JoinKind::Left);
  CHECK(way_of(query) == "key");
  query.joins[0].on = {{field("city"), field("city")}};
  CHECK(way_of(query) == "hash");
  REQUIRE(world.engine.add_index("customers", {"city", IndexKind::Hash, {{field("city")}}}).ok());
  while (world.engine.build_step(100)) {
  }
  CHECK(way_of(query) == "city");
}

}  // namespace
}  // namespace topgun::dataflow
