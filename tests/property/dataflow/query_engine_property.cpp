#include <doctest/doctest.h>

#include "core/dataflow/query_engine.hpp"
#include "tests/oracle/oracle_world.hpp"
#include "tests/support/property.hpp"

namespace topgun::oracle {
namespace {

TEST_CASE("query_engine property: joins and views are what nested loops give, after every batch") {
  for_each_seed(60, [](Gen& gen) {
    Counts counts;
    const Flavour flavour = gen.chance(1, 3) ? Flavour::Plain : Flavour::Any;
    OracleWorld world(gen, flavour, nullptr, counts);
    for (int batch = 0; batch < 20; ++batch) REQUIRE(world.run_batch() == "");
  });
}

TEST_CASE("query_engine property: queries with joins read back as what they were") {
  for_each_seed(3'000, [](Gen& gen) {
    const std::vector<std::string> maps = {"a", "b", "orders"};
    const query::Query query = random_plan(gen, Flavour::Any, Use::Once, maps);
    const Bytes bytes = encode_query(query);
    const auto decoded = query::decode_query(bytes);
    REQUIRE(decoded.ok());
    CHECK(*decoded == query);
    Bytes damaged = bytes;
    const uint64_t at = gen.below(damaged.size());
    damaged[static_cast<size_t>(at)] = static_cast<uint8_t>(gen.below(256));
    const auto other = query::decode_query(damaged);
    if (other.ok()) CHECK(encode_query(*other) == damaged);
    CHECK_FALSE(query::decode_query(ByteView(bytes).first(static_cast<size_t>(at))).ok());
  });
}

}  // namespace
}  // namespace topgun::oracle
