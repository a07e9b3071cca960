#include "core/query/planner.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "core/query/explain.hpp"
#include "core/query/normalize.hpp"
#include "core/value/value_writer.hpp"
#include "tests/support/encoded_value.hpp"

namespace topgun::query {
namespace {

/// A thousand people in ten cities, of ages 0 to 99, with two indexes and a compound one.
class People {
 public:
  Collection collection;

  People() {
    for (size_t i = 0; i < 1000; ++i) {
      keys_.push_back("p" + std::to_string(1000 + i));
      Bytes& value = values_.emplace_back();
      ValueWriter writer(value);
      writer.begin_map(3);
      writer.key("age");
      writer.integer(static_cast<int64_t>(i * 7 % 100));
      writer.key("city");
      writer.text("c" + std::to_string(i % 10));
      writer.key("name");
      writer.text("n" + std::to_string(i));
    }
    for (size_t i = 0; i < keys_.size(); ++i) {
      Write write;
      write.key = as_bytes(keys_[i]);
      write.after = values_[i];
      collection.apply(write);
    }
    add({"city", IndexKind::Hash, {{field("city")}}});
    add({"age", IndexKind::Ordered, {{field("age")}}});
    add({"name", IndexKind::Unique, {{field("name")}}});
  }

  void add(const IndexDefinition& definition) {
    REQUIRE(collection.add_index(definition).ok());
    while (collection.build_step(100)) {
    }
  }

  Result<Plan> plan(Query query) {
    query.where = normalize(query.where);
    return make_plan(query, collection);
  }

 private:
  std::vector<std::string> keys_;
  std::vector<Bytes> values_;
};

Query where(Predicate predicate) {
  Query query;
  query.where = std::move(predicate);
  return query;
}

const Predicate kInCity = equal_to(field("city"), text("c3"));
const Predicate kOld = greater_than(field("age"), number(97));
const Predicate kLikeFour = test(PredicateKind::Like, field("name"), {text("%4")});

bool uses(const Plan& plan, const std::string& index) {
  return std::any_of(plan.sets.begin(), plan.sets.end(),
                     [&](const IndexedSet& set) { return set.index->name() == index; });
}

TEST_CASE("planner: the least set of rows is looked at, and what it leaves open is asked") {
  People people;
  const auto plan = people.plan(where(all_of({kLikeFour, kOld})));
  REQUIRE(plan.ok());
  CHECK(plan->access == Access::Sets);
  REQUIRE(plan->sets.size() == 1);
  CHECK(plan->sets[0].index->name() == "age");
  CHECK(plan->found_rows == 20);
  CHECK(plan->counted);
  CHECK(plan->residual == normalize(kLikeFour));
}

TEST_CASE("planner: two sets together save looking at records") {
  People people;
  const auto plan = people.plan(where(all_of({kInCity, kOld})));
  CHECK(plan->sets.size() == 2);
  CHECK(plan->residual.kind == PredicateKind::True);
}

TEST_CASE("planner: a record's key beats every index") {
  People people;
  const auto plan = people.plan(where(all_of({equal_to(record_key(), text("p1005")), kOld})));
  CHECK(plan->access == Access::Keys);
}

TEST_CASE("planner: an order with a limit walks its index, and without one does not") {
  People people;
  Query query = where(negation(equal_to(field("name"), text("n1"))));
  query.order = {{field("age"), Direction::Descending}};
  query.limit = 10;
  const auto first = people.plan(query);
  CHECK(first->access == Access::Walk);
  CHECK(first->backwards);
  CHECK_FALSE(first->sorts);
  // Few rows are in the city: better to sort those than to walk past all the others.
  query.where = equal_to(field("name"), text("n1"));
  const auto few = people.plan(query);
  CHECK(few->access == Access::Sets);
  CHECK(few->sorts);
}

TEST_CASE("planner: a compound index answers its equalities and its order at once") {
  People people;
  people.add(
      {"city-age", IndexKind::Ordered, {{field("city")}, {field("age"), Direction::Descending}}});
  Query query = where(all_of({kInCity, less_than(field("age"), number(50))}));
  query.order = {{field("age"), Direction::Descending}};
  query.limit = 5;
  const auto plan = people.plan(query);
  CHECK(plan->access == Access::Walk);
  CHECK(plan->walk->name() == "city-age");
  CHECK(plan->residual.kind == PredicateKind::True);
  CHECK(plan->found_rows == 50);
}

TEST_CASE("planner: what cannot be is found without looking") {
  People people;
  CHECK(people.plan(where(all_of({kOld, less_than(field("age"), number(5))})))->access ==
        Access::Nothing);
}

TEST_CASE("planner: an index is used from the moment that it is built, and not before") {
  People people;
  REQUIRE(people.collection.add_index({"late", IndexKind::Unique, {{field("age")}}}).ok());
  const auto uses_late = [&] {
    Query query = where(equal_to(field("age"), number(5)));
    query.hints.use_index = "late";
    return people.plan(query).ok();
  };
  CHECK(people.collection.build_step(999));
  CHECK_FALSE(uses_late());
  CHECK_FALSE(people.collection.build_step(10));
  CHECK(uses_late());
  CHECK(people.collection.drop_index("late"));
  CHECK_FALSE(uses_late());
  CHECK_FALSE(people.collection.drop_index("late"));
}

TEST_CASE("planner: a hint is followed, or it is an error") {
  People people;
  Query query = where(all_of({kInCity, kOld}));
  query.hints.use_index = "city";
  CHECK(uses(*people.plan(query), "city"));
  query.hints = {};
  query.hints.no_index = {"age"};
  CHECK(uses(*people.plan(query), "city"));
  CHECK_FALSE(uses(*people.plan(query), "age"));
  query.hints = {};
  query.hints.force_scan = true;
  CHECK(people.plan(query)->access == Access::Scan);

  const auto error_of = [&](auto set_hint) {
    Query bad = where(all_of({kInCity, kOld}));
    set_hint(bad.hints);
    const auto plan = people.plan(bad);
    return plan.ok() ? Error::Internal : plan.error();
  };
  CHECK(error_of([](Hints& h) { h.use_index = "none"; }) == Error::HintImpossible);
  CHECK(error_of([](Hints& h) { h.use_index = "name"; }) == Error::HintImpossible);
  CHECK(error_of([](Hints& h) { h.order_index = "age"; }) == Error::HintImpossible);
  CHECK(error_of([](Hints& h) { h.no_index = {"none"}; }) == Error::HintImpossible);
  CHECK(error_of([](Hints& h) {
          h.use_index = "age";
          h.force_scan = true;
        }) == Error::HintImpossible);
}

TEST_CASE("planner: index definitions against their rules are refused") {
  People people;
  const auto error_of = [&](const IndexDefinition& definition) {
    return people.collection.add_index(definition).error();
  };
  CHECK(error_of({"city", IndexKind::Hash, {{field("age")}}}) == Error::InvalidArgument);
  CHECK(error_of({"", IndexKind::Hash, {{field("age")}}}) == Error::InvalidArgument);
  CHECK(error_of({"x", IndexKind::Hash, {}}) == Error::InvalidArgument);
  CHECK(error_of({"x", IndexKind::Presence, {{field("a")}, {field("b")}}}) ==
        Error::InvalidArgument);
  for (size_t i = people.collection.indexes().size(); i < Collection::kIndexesMax; ++i) {
    people.add({"i" + std::to_string(i), IndexKind::Presence, {{field("x")}}});
  }
  CHECK(error_of({"x", IndexKind::Hash, {{field("age")}}}) == Error::LimitExceeded);
}

TEST_CASE("explain: the plan, what it cost, and what else there was") {
  People people;
  const Query query = where(all_of({kLikeFour, kOld}));
  const auto explained = explain(query, people.collection, Run::Analyze);
  REQUIRE(explained.ok());
  REQUIRE(is_canonical_value(*explained));
  const ValueView tree(*explained);
  CHECK(tree.member("access")->as_text() == "sets");
  CHECK(tree.member("indexes")->at(0)->as_text() == "age");
  CHECK(tree.member("rows")->as_int() == 20);
  CHECK(tree.member("residual")->as_text() == "name like");
  CHECK(tree.member("actual")->member("visited")->as_int() == 20);
  CHECK(tree.member("actual")->member("rows")->as_int() == 10);
  CHECK(tree.member("rejected")->size() == 1);
  CHECK(*explain(query, people.collection, Run::Analyze) == *explained);
  CHECK_FALSE(ValueView(*explain(query, people.collection, Run::PlanOnly)).member("actual"));
}

TEST_CASE("explain: predicates in words") {
  const Predicate predicate =
      all_of({kInCity, any_of({kOld, negation(is_missing(field("home", "street")))})});
  CHECK(predicate_text(predicate) == "city in and (age range or not home.street missing)");
}

}  // namespace
}  // namespace topgun::query
