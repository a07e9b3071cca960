#include "core/dataflow/query_template.hpp"

#include <doctest/doctest.h>

#include "core/dataflow/live_queries.hpp"
#include "tests/support/encoded_value.hpp"

namespace topgun::dataflow {
namespace {

using query::number;
using query::Query;

Query by_status(double status, double age_min) {
  Query query;
  query.where = query::all_of({query::equal_to(query::field("status"), number(status)),
                               query::at_least(query::field("age"), number(age_min))});
  query.order = {{query::field("age"), query::Direction::Descending}};
  query.limit = 10;
  return query;
}

TEST_CASE("query_template: queries that differ in equalities alone share a template") {
  const ParametricQuery one = parametrize(by_status(1, 18));
  const ParametricQuery two = parametrize(by_status(2, 18));
  CHECK(one.shape.id == two.shape.id);
  CHECK(one.arguments != two.arguments);
  CHECK(one.shape.parameters == std::vector{query::field("status")});
  CHECK(parametrize(by_status(1, 21)).shape.id != one.shape.id);
}

TEST_CASE("query_template: limit and selection belong to the subscription") {
  Query query = by_status(1, 18);
  query.limit = 20;
  query.offset = 5;
  query.select = {query::field("age")};
  CHECK(parametrize(query).shape.id == parametrize(by_status(1, 18)).shape.id);
}

TEST_CASE("live_queries: a thousand constants are one graph, unless they want one of their own") {
  query::Collection collection;
  LiveQueries live(collection);
  for (int i = 0; i < 1000; ++i) REQUIRE(live.subscribe(by_status(i, 18)).ok());
  CHECK(live.graphs() == 1);
  Query alone = by_status(1, 18);
  alone.hints.no_share = true;
  const auto id = live.subscribe(alone);
  CHECK(live.graphs() == 2);
  CHECK(live.unsubscribe(*id));
  CHECK(live.graphs() == 1);
  CHECK_FALSE(live.unsubscribe(*id));
}

TEST_CASE("live_queries: what cannot be followed is refused") {
  query::Collection collection;
  LiveQueries live(collection);
  Query query = by_status(1, 18);
  query.after = {1};
  CHECK(live.subscribe(query).error() == Error::InvalidArgument);
  Query groups;
  groups.group_by = {query::field("status")};
  CHECK(live.subscribe(groups).ok());
  groups.limit = 1;
  CHECK(live.subscribe(groups).error() == Error::InvalidArgument);
}

}  // namespace
}  // namespace topgun::dataflow
