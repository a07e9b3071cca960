#include <doctest/doctest.h>

#include "core/query/matcher.hpp"
#include "core/query/normalize.hpp"
#include "core/query/predicate.hpp"
#include "tests/support/property.hpp"
#include "tests/support/query_model.hpp"
#include "tests/support/random_query.hpp"

namespace topgun::query {
namespace {

struct Rows {
  std::vector<Bytes> keys;
  std::vector<Bytes> values;
  RowTable table;
};

void fill(Rows& rows, Gen& gen, size_t count) {
  for (size_t i = 0; i < count; ++i) {
    rows.keys.push_back(gen.bytes(1, 3));
    rows.values.push_back(random_record_value(gen));
  }
  for (size_t i = 0; i < count; ++i) {
    if (!rows.table.find(rows.keys[i])) rows.table.insert(rows.keys[i], rows.values[i]);
  }
}

TEST_CASE("predicate property: a matcher answers as the model does, shaped rows or bare bytes") {
  for_each_seed(1'500, [](Gen& gen) {
    Rows rows;
    fill(rows, gen, 12);
    for (int i = 0; i < 8; ++i) {
      const Predicate predicate = random_predicate(gen, 3);
      auto matcher = Matcher::make(predicate, rows.table.attributes());
      REQUIRE(matcher.ok());
      for (RowId row = 0; row < rows.table.row_end(); ++row) {
        const RowView view = rows.table.view(row);
        const bool expected = model_matches(predicate, view.key, view.value);
        REQUIRE(matcher->matches(view) == expected);
        REQUIRE(matcher->matches({view.key, view.value}) == expected);
      }
    }
  });
}

TEST_CASE("predicate property: the normal form means the same and is its own normal form") {
  for_each_seed(4'000, [](Gen& gen) {
    const Predicate predicate = random_predicate(gen, 4);
    const Predicate normal = normalize(predicate);
    CHECK(encode_predicate(normalize(normal)) == encode_predicate(normal));
    for (int i = 0; i < 6; ++i) {
      const Bytes key = gen.bytes(1, 3);
      const Bytes value = random_record_value(gen);
      REQUIRE(model_matches(normal, key, value) == model_matches(predicate, key, value));
    }
  });
}

TEST_CASE("predicate property: bytes read back as the predicate they were made of") {
  for_each_seed(8'000, [](Gen& gen) {
    const Predicate predicate = random_predicate(gen, 4);
    const Bytes bytes = encode_predicate(predicate);
    const auto decoded = decode_predicate(bytes);
    REQUIRE(decoded.ok());
    CHECK(*decoded == predicate);

    Bytes damaged = bytes;
    const uint64_t at = gen.below(damaged.size());
    damaged[static_cast<size_t>(at)] = static_cast<uint8_t>(gen.below(256));
    const auto other = decode_predicate(damaged);
    if (other.ok()) CHECK(encode_predicate(*other) == damaged);
    CHECK_FALSE(decode_predicate(ByteView(bytes).first(static_cast<size_t>(at))).ok());
  });
}

}  // namespace
}  // namespace topgun::query
