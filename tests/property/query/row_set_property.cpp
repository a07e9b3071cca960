#include <doctest/doctest.h>

#include <algorithm>
#include <iterator>
#include <set>

#include "core/query/row_set.hpp"
#include "tests/support/property.hpp"

namespace topgun::query {
namespace {

using Model = std::set<RowId>;

std::vector<RowId> rows_of(const RowSet& set) {
  std::vector<RowId> rows;
  set.for_each([&](RowId row) { rows.push_back(row); });
  return rows;
}

bool same(const RowSet& set, const Model& model) {
  return set.size() == model.size() &&
         rows_of(set) == std::vector<RowId>(model.begin(), model.end());
}

/// Runs of neighbours, far apart: arrays, bitmaps and the way between them.
void change_run(Gen& gen, RowSet& set, Model& model) {
  static constexpr RowId kStarts[] = {0, 65'000, 65'536, 131'000, 4'000'000'000};
  const RowId start = gen.pick(kStarts);
  const uint64_t step = gen.between(1, 3);
  const uint64_t count = gen.chance(1, 3) ? gen.below(9'000) : gen.below(6);
  const bool adds = gen.chance(2, 3);
  for (uint64_t i = 0; i < count; ++i) {
    const auto row = static_cast<RowId>(start + i * step);
    if (adds) {
      REQUIRE(set.add(row) == model.insert(row).second);
    } else {
      REQUIRE(set.remove(row) == (model.erase(row) == 1));
    }
  }
}

TEST_CASE("row_set property: it is the set of what was added and not removed") {
  for_each_seed(150, [](Gen& gen) {
    RowSet set;
    Model model;
    for (int i = 0; i < 8; ++i) {
      change_run(gen, set, model);
      REQUIRE(same(set, model));
      const auto row = static_cast<RowId>(gen.below(140'000));
      CHECK(set.contains(row) == (model.count(row) == 1));
      const RowSet copy = set;
      CHECK(copy == set);
      CHECK(same(copy, model));
    }
  });
}

TEST_CASE("row_set property: intersections, joins and differences are those of sets") {
  for_each_seed(200, [](Gen& gen) {
    RowSet a;
    RowSet b;
    Model model_a;
    Model model_b;
    const uint64_t runs = gen.below(5);
    for (uint64_t i = 0; i < runs; ++i) change_run(gen, a, model_a);
    for (uint64_t i = 0; i < 3; ++i) change_run(gen, b, model_b);
    const auto expect = [&](const RowSet& set, auto combine) {
      Model model;
      combine(model_a.begin(), model_a.end(), model_b.begin(), model_b.end(),
              std::inserter(model, model.end()));
      CHECK(same(set, model));
    };
    expect(RowSet::intersection(a, b), [](auto... x) { std::set_intersection(x...); });
    expect(RowSet::join(a, b), [](auto... x) { std::set_union(x...); });
    expect(RowSet::difference(a, b), [](auto... x) { std::set_difference(x...); });
    CHECK(RowSet::intersection_size(a, b) == RowSet::intersection(a, b).size());
    CHECK((a == b) == (model_a == model_b));
  });
}

TEST_CASE("row_set property: words have a bit for each row") {
  for_each_seed(100, [](Gen& gen) {
    RowSet set;
    Model model;
    for (int i = 0; i < 3; ++i) change_run(gen, set, model);
    for (const RowId first : {RowId{0}, RowId{64'512}, RowId{65'536}, RowId{130'048}}) {
      uint64_t words[16];
      set.copy_words(first, words);
      for (RowId i = 0; i < 1024; ++i) {
        REQUIRE(((words[i / 64] >> (i % 64)) & 1) == model.count(first + i));
      }
    }
  });
}

TEST_CASE("row_set: what is kept for a row, in bytes") {
  RowSet few;
  for (const RowId row : {7U, 70'000U, 700'000U}) few.add(row);
  CHECK(few.memory_bytes() == 0);
  RowSet many;
  for (RowId row = 0; row < 100'000; ++row) many.add(row);
  CHECK(many.memory_bytes() < 100'000 / 4);
}

}  // namespace
}  // namespace topgun::query
