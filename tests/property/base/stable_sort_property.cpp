#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <utility>

#include "core/base/stable_sort.hpp"
#include "tests/support/property.hpp"

namespace topgun {
namespace {

TEST_CASE("stable_sort property: what the standard's function gives, of any length and order") {
  for_each_seed(400, [](Gen& gen) {
    const uint64_t size = gen.below(200);
    const uint64_t values = gen.between(1, 50);
    std::vector<std::pair<uint64_t, std::string>> items;
    for (uint64_t i = 0; i < size; ++i) {
      const uint64_t value = gen.chance(1, 2) ? i : gen.below(values);
      items.emplace_back(value, std::to_string(i));
    }
    const auto below = [](const auto& a, const auto& b) { return a.first < b.first; };
    auto expected = items;
    std::stable_sort(expected.begin(), expected.end(), below);
    stable_sort(items, below);
    CHECK(items == expected);
  });
}

}  // namespace
}  // namespace topgun
