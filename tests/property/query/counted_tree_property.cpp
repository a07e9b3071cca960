#include <doctest/doctest.h>

#include <iterator>
#include <map>
#include <string>

#include "core/query/counted_tree.hpp"
#include "tests/support/property.hpp"

namespace topgun::query {
namespace {

using Model = std::map<std::string, RowId>;

std::string text_of(ByteView bytes) { return std::string(as_text(bytes)); }

/// Keys that share heads, end within them, or have zeros where short keys are filled up with them.
std::string random_key(Gen& gen, uint64_t spread) {
  static const char* const kHeads[] = {"", "a", "aaaaaaaa", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"};
  std::string key = gen.pick(kHeads);
  const uint64_t number = gen.below(spread);
  key += static_cast<char>(number / 256);
  key += static_cast<char>(number % 256);
  if (gen.chance(1, 50)) key += std::string(2000, 'z');
  return key;
}

void check_places(Gen& gen, const CountedTree& tree, const Model& model, uint64_t spread) {
  const std::string bound = random_key(gen, spread);
  const auto at = model.lower_bound(bound);
  const auto rank = static_cast<size_t>(std::distance(model.begin(), at));
  REQUIRE(tree.rank(as_bytes(bound)) == rank);
  CountedTree::Cursor cursor = tree.seek(as_bytes(bound));
  REQUIRE(cursor.at_end() == (at == model.end()));
  REQUIRE(cursor.at_begin() == (at == model.begin()));
  if (at != model.end()) {
    REQUIRE(text_of(cursor.key()) == at->first);
    REQUIRE(cursor.row() == at->second);
    REQUIRE(text_of(tree.at_rank(rank).key()) == at->first);
  }
  if (at != model.begin()) {
    cursor.previous();
    REQUIRE(text_of(cursor.key()) == std::prev(at)->first);
  }
}

TEST_CASE("counted_tree property: it is an ordered map that knows ranks") {
  for_each_seed(60, [](Gen& gen) {
    CountedTree tree;
    Model model;
    const uint64_t spread = gen.coin() ? 40 : 5'000;
    for (int phase = 0; phase < 4; ++phase) {
      // From mostly inserts to mostly erases and back, so that nodes split and are put together.
      const uint64_t inserts = gen.between(1, 9);
      const uint64_t steps = gen.between(100, 1'500);
      for (uint64_t i = 0; i < steps; ++i) {
        const std::string key = random_key(gen, spread);
        if (gen.chance(inserts, 10)) {
          const auto row = static_cast<RowId>(i);
          REQUIRE(tree.insert(as_bytes(key), row) == model.emplace(key, row).second);
        } else {
          REQUIRE(tree.erase(as_bytes(key)) == (model.erase(key) == 1));
        }
        REQUIRE(tree.size() == model.size());
        if (i % 16 == 0) check_places(gen, tree, model, spread);
      }
      REQUIRE(tree.is_sound());
      CountedTree::Cursor cursor = tree.begin();
      for (const auto& [key, row] : model) {
        REQUIRE(text_of(cursor.key()) == key);
        cursor.next();
      }
      CHECK(cursor.at_end());
    }
    while (!model.empty()) {
      REQUIRE(tree.erase(as_bytes(model.begin()->first)));
      model.erase(model.begin());
    }
    CHECK(tree.is_sound());
    CHECK(tree.begin().at_end());
  });
}

TEST_CASE("counted_tree property: keys that come in order fill its leaves") {
  CountedTree tree;
  constexpr uint32_t kCount = 50'000;
  for (uint32_t i = 0; i < kCount; ++i) {
    const uint8_t key[4] = {static_cast<uint8_t>(i >> 24), static_cast<uint8_t>(i >> 16),
                            static_cast<uint8_t>(i >> 8), static_cast<uint8_t>(i)};
    REQUIRE(tree.insert(key, i));
  }
  CHECK(tree.is_sound());
  CHECK(tree.memory_bytes() < size_t{kCount} * 36);
  for (uint32_t rank = 0; rank < kCount; rank += 997) CHECK(tree.at_rank(rank).row() == rank);
}

}  // namespace
}  // namespace topgun::query
