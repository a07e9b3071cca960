#include "core/base/prng.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <bit>
#include <numeric>
#include <vector>

namespace topgun {
namespace {

constexpr StreamId kStream = stream_id("test");

// Computed by an independent implementation. A change changes every recorded seed and run.
TEST_CASE("prng: the draws of a key are fixed for ever") {
  Prng prng(42, stream_id("net"), 7);
  const uint64_t first = prng.next();
  const uint64_t second = prng.next();
  CHECK(first == 6501708078513528161);
  CHECK(second == 4661672403306606561);
}

TEST_CASE("prng: a draw depends on its own key only, not on the draws around it") {
  Prng all(1, kStream);
  Prng skipping(1, kStream);
  const uint64_t third = skipping.at(2);
  (void)all.next();
  (void)all.next();
  CHECK(all.next() == third);
  CHECK(skipping.position() == 0);
  CHECK(all.position() == 3);
}

TEST_CASE("prng: seed, stream, entity and position each give other draws") {
  const uint64_t draw = Prng(1, kStream, 1).at(1);
  CHECK(Prng(2, kStream, 1).at(1) != draw);
  CHECK(Prng(1, stream_id("tests"), 1).at(1) != draw);
  CHECK(Prng(1, kStream, 2).at(1) != draw);
  CHECK(Prng(1, kStream, 1).at(2) != draw);
  CHECK(Prng(0, StreamId{0}, 0).at(0) != 0);
}

// 64 chances of one half per pair: the mean over 4,096 pairs lies within 32 +- 6 standard errors.
TEST_CASE("prng: neighbouring keys differ in half of their bits") {
  struct Case {
    const char* name;
    uint64_t (*draw)(uint64_t);
  };
  const Case cases[] = {
      {"seed", [](uint64_t i) { return Prng(i, kStream).at(0); }},
      {"stream", [](uint64_t i) { return Prng(1, StreamId{i}).at(0); }},
      {"entity", [](uint64_t i) { return Prng(1, kStream, i).at(0); }},
      {"position", [](uint64_t i) { return Prng(1, kStream).at(i); }},
  };
  constexpr uint64_t kPairs = 4096;
  for (const Case& c : cases) {
    CAPTURE(c.name);
    int64_t flipped = 0;
    for (uint64_t i = 0; i < kPairs; ++i) flipped += std::popcount(c.draw(i) ^ c.draw(i + 1));
    CHECK(std::abs(static_cast<double>(flipped) / kPairs - 32) < 6 * 4.0 / 64);
  }
}

TEST_CASE("prng: a bounded draw reaches every number below the bound equally often") {
  for (const uint64_t bound : {1, 2, 3, 10, 271}) {
    CAPTURE(bound);
    Prng prng(bound, kStream);
    std::vector<int64_t> counts(bound, 0);
    const int64_t expected = 1000;
    for (uint64_t i = 0; i < bound * static_cast<uint64_t>(expected); ++i) {
      const uint64_t number = prng.below(bound);
      REQUIRE(number < bound);
      ++counts[number];
    }
    // Six standard deviations of a count around 1,000.
    for (const int64_t count : counts) CHECK(std::abs(count - expected) < 190);
  }
}

TEST_CASE("prng: ranges include both ends, up to the whole of 64 bits") {
  Prng prng(3, kStream);
  bool low = false, high = false;
  for (int i = 0; i < 200; ++i) {
    const uint64_t number = prng.between(5, 7);
    CHECK(number >= 5);
    CHECK(number <= 7);
    low |= number == 5;
    high |= number == 7;
  }
  CHECK(low);
  CHECK(high);
  CHECK(prng.between(9, 9) == 9);
  const uint64_t expected = prng.at(prng.position());
  CHECK(prng.between(0, UINT64_MAX) == expected);
}

TEST_CASE("prng: certain and impossible chances hold, and cost a draw like any other") {
  Prng prng(4, kStream);
  int hits = 0;
  for (int i = 0; i < 10000; ++i) hits += prng.chance(1, 4) ? 1 : 0;
  CHECK(std::abs(hits - 2500) < 260);
  CHECK(prng.chance(1, 1));
  CHECK_FALSE(prng.chance(0, 1));
  CHECK(prng.position() == 10002);
}

TEST_CASE("prng: unit draws lie in [0, 1) with their mean in the middle") {
  Prng prng(5, kStream);
  double sum = 0;
  for (int i = 0; i < 10000; ++i) {
    const double number = prng.unit();
    REQUIRE(number >= 0);
    REQUIRE(number < 1);
    sum += number;
  }
  CHECK(std::abs(sum / 10000 - 0.5) < 0.02);
}

TEST_CASE("prng: a shuffle keeps the items and reaches every order equally often") {
  Prng prng(6, kStream);
  std::array<int, 6> counts = {};
  for (int i = 0; i < 6000; ++i) {
    std::vector<int> items = {0, 1, 2};
    prng.shuffle(std::span(items));
    const int order = items[0] * 2 + (items[1] > items[2] ? 1 : 0);
    ++counts[static_cast<size_t>(order)];
    std::sort(items.begin(), items.end());
    REQUIRE(items == std::vector<int>{0, 1, 2});
  }
  for (const int count : counts) CHECK(std::abs(count - 1000) < 190);
}

TEST_CASE("prng: the high half of a product is exact") {
  struct Case {
    uint64_t left, right, high;
  };
  const Case cases[] = {
      {0, UINT64_MAX, 0},
      {1, UINT64_MAX, 0},
      {2, UINT64_MAX, 1},
      {UINT64_MAX, UINT64_MAX, UINT64_MAX - 1},
      {uint64_t{1} << 32, uint64_t{1} << 32, 1},
      {0x123456789abcdef0, 0xfedcba9876543210, 0x121fa00ad77d7422},
  };
  for (const Case& c : cases) {
    CAPTURE(c.left);
    CHECK(Prng::multiply_high(c.left, c.right) == c.high);
    CHECK(Prng::multiply_high(c.right, c.left) == c.high);
  }
}

}  // namespace
}  // namespace topgun
