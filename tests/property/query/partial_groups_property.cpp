// Goal: groups whose rows lie in several places, put together, are to the bit what one place with
// all rows would say.

#include <doctest/doctest.h>

#include "core/value/value_writer.hpp"
#include "tests/support/property.hpp"
#include "tests/support/query_world.hpp"
#include "tests/support/random_query.hpp"

namespace topgun::query {
namespace {

double random_large(Gen& gen) {
  const auto number = static_cast<double>(gen.below(1'000'000)) / 7;
  return gen.coin() ? number * 1e300 : number;
}

/// A record of a small group with a number of any size, or with something else in its place.
Bytes random_record(Gen& gen) {
  if (gen.chance(1, 8)) return random_record_value(gen);
  Bytes value;
  ValueWriter writer(value);
  writer.begin_map(2);
  writer.key("g");
  writer.integer(static_cast<int64_t>(gen.below(3)));
  writer.key("n");
  switch (gen.below(4)) {
    case 0:
      writer.integer(static_cast<int64_t>(gen.below(100)) - 50);
      break;
    case 1:
      writer.number(random_large(gen));
      break;
    case 2:
      writer.number(-random_large(gen));
      break;
    default:
      writer.number(1 / static_cast<double>(gen.between(1, 1'000)));
  }
  return value;
}

std::vector<Bytes> groups_of(const Query& query, QueryWorld& world) {
  const Result<Answer> answer = query::answer(query, world.collection);
  REQUIRE(answer.ok());
  return answer->groups;
}

TEST_CASE("partial groups: put together they are what one place with all rows would say") {
  for_each_seed(300, [](Gen& gen) {
    QueryWorld whole;
    std::vector<QueryWorld> parts(gen.between(1, 4));
    for (uint64_t records = gen.below(40); records > 0; --records) {
      const std::string key = "k" + std::to_string(records);
      const Bytes value = random_record(gen);
      whole.write(key, value);
      parts[gen.below(parts.size())].write(key, value);
    }
    Query query;
    if (gen.coin()) query.group_by = {field("g")};
    for (const auto kind : {AggregateKind::Count, AggregateKind::CountOf, AggregateKind::Sum,
                            AggregateKind::Average, AggregateKind::Min, AggregateKind::Max}) {
      query.aggregates.push_back({kind, kind == AggregateKind::Count ? field() : field("n")});
    }
    Query partial = query;
    partial.partial_groups = true;
    std::map<Bytes, std::vector<Bytes>> by_key;
    for (QueryWorld& part : parts) {
      for (Bytes& group : groups_of(partial, part)) {
        by_key[to_bytes(partial_group_key(group))].push_back(std::move(group));
      }
    }
    std::vector<Bytes> combined;
    for (const auto& [key, groups] : by_key) {
      const std::vector<ByteView> views(groups.begin(), groups.end());
      combined.push_back(combine_groups(query, views));
    }
    CHECK(combined == groups_of(query, whole));
  });
}

}  // namespace
}  // namespace topgun::query
