#include <doctest/doctest.h>

#include "core/query/normalize.hpp"
#include "core/query/query.hpp"
#include "tests/support/property.hpp"
#include "tests/support/query_world.hpp"
#include "tests/support/random_query.hpp"

namespace topgun::query {
namespace {

std::vector<std::string> keys_of(const Answer& answer, const QueryWorld& world) {
  std::vector<std::string> keys;
  for (const RowId row : answer.rows) {
    keys.emplace_back(as_text(world.collection.rows().view(row).key));
  }
  return keys;
}

void write_randomly(Gen& gen, QueryWorld& world, uint64_t writes, uint64_t keys) {
  for (uint64_t i = 0; i < writes; ++i) {
    const std::string key = "k" + std::to_string(gen.below(keys));
    if (gen.chance(1, 4)) {
      world.write(key, std::nullopt);
    } else {
      world.write(key, random_record_value(gen));
    }
    if (gen.chance(1, 8)) world.collection.end_batch();
    if (gen.chance(1, 3)) world.collection.build_step(static_cast<size_t>(gen.below(20)));
  }
}

void add_indexes(Gen& gen, QueryWorld& world, uint64_t count, const std::string& name) {
  for (uint64_t i = 0; i < count; ++i) {
    REQUIRE(world.collection.add_index(random_index(gen, name + std::to_string(i))).ok());
  }
}

void check_answer(const Query& query, const ModelAnswer& expected, QueryWorld& world) {
  const auto found = answer(query, world.collection);
  if (!found.ok()) {
    REQUIRE(found.error() == Error::HintImpossible);
    REQUIRE(query.hints != Hints{});
    return;
  }
  if (query.is_grouped()) {
    REQUIRE(same_groups(found->groups, expected.groups));
  } else {
    REQUIRE(keys_of(*found, world) == expected.keys);
  }
}

/// The query as the planner likes it, and then by every way that a hint can ask for.
void check_all_ways(Query query, QueryWorld& world) {
  const ModelAnswer expected = model_answer(query, world.records());
  check_answer(query, expected, world);
  query.hints = {};
  query.hints.force_scan = true;
  check_answer(query, expected, world);
  for (const auto& index : world.collection.indexes()) {
    query.hints = {};
    query.hints.use_index = index->name();
    check_answer(query, expected, world);
    query.hints = {};
    query.hints.order_index = index->name();
    check_answer(query, expected, world);
    query.hints = {};
    query.hints.no_index = {index->name()};
    check_answer(query, expected, world);
  }
}

TEST_CASE("query property: every plan gives what the model gives, after every batch of writes") {
  for_each_seed(500, [](Gen& gen) {
    QueryWorld world;
    const uint64_t early = gen.below(4);
    add_indexes(gen, world, early, "early");
    for (int batch = 0; batch < 4; ++batch) {
      const uint64_t writes = gen.below(60);
      write_randomly(gen, world, writes, 40);
      const uint64_t late = gen.below(2);
      add_indexes(gen, world, late, "late" + std::to_string(batch) + "-");
      if (gen.coin()) world.collection.build_step(SIZE_MAX);
      for (int i = 0; i < 6; ++i) check_all_ways(random_query(gen), world);
    }
  });
}

TEST_CASE("query property: columns give what records give") {
  for_each_seed(12, [](Gen& gen) {
    QueryWorld world;
    write_randomly(gen, world, 3'000, 1'500);
    for (int batch = 0; batch < 3; ++batch) {
      for (int i = 0; i < 12; ++i) {
        Query query = random_query(gen);
        query.hints.force_scan = true;
        check_answer(query, model_answer(query, world.records()), world);
      }
      write_randomly(gen, world, 300, 1'500);
    }
    CHECK(world.collection.columns().size() > 0);
  });
}

TEST_CASE("query property: pages by cursor are the whole, whatever is written outside of it") {
  for_each_seed(200, [](Gen& gen) {
    QueryWorld world;
    const uint64_t indexes = gen.below(4);
    add_indexes(gen, world, indexes, "i");
    write_randomly(gen, world, 80, 50);
    world.collection.build_step(SIZE_MAX);
    Query query = random_query(gen);
    query.group_by.clear();
    query.aggregates.clear();
    query.offset = 0;
    query.limit = std::nullopt;
    const std::vector<std::string> whole = model_answer(query, world.records()).keys;
    query.limit = gen.between(1, 9);
    std::vector<std::string> pages;
    for (;;) {
      const auto page = answer(query, world.collection);
      REQUIRE(page.ok());
      const std::vector<std::string> keys = keys_of(*page, world);
      pages.insert(pages.end(), keys.begin(), keys.end());
      if (page->cursor.empty()) break;
      query.after = page->cursor;
    }
    CHECK(pages == whole);
  });
}

TEST_CASE("query property: bytes read back as the query they were made of") {
  for_each_seed(5'000, [](Gen& gen) {
    Query query = random_query(gen);
    if (gen.coin()) query.hints.use_index = "i";
    if (gen.chance(1, 4)) query.hints.no_index = {"a", "b"};
    if (!query.is_grouped() && gen.coin()) query.select = {random_attribute(gen)};
    if (!query.is_grouped() && query.offset == 0 && gen.coin()) query.after = gen.bytes(1, 9);
    const Bytes bytes = encode_query(query);
    const auto decoded = decode_query(bytes);
    REQUIRE(decoded.ok());
    CHECK(*decoded == query);
    Bytes damaged = bytes;
    const uint64_t at = gen.below(damaged.size());
    damaged[static_cast<size_t>(at)] = static_cast<uint8_t>(gen.below(256));
    const auto other = decode_query(damaged);
    if (other.ok()) CHECK(encode_query(*other) == damaged);
    CHECK_FALSE(decode_query(ByteView(bytes).first(static_cast<size_t>(at))).ok());
  });
}

}  // namespace
}  // namespace topgun::query
