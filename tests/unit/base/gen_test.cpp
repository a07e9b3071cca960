#include "core/base/gen.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>

namespace topgun {
namespace {

/// A program that chooses in every way there is; its result is what it chose.
std::string play(Gen& gen) {
  std::string result = gen.word(1, 4, 3);
  for (const uint8_t byte : gen.bytes(0, 3)) result += std::to_string(byte) + ",";
  result += gen.coin() ? "T" : "F";
  result += gen.pick({'x', 'y', 'z'});
  std::vector<int> items = {1, 2, 3, 4};
  gen.shuffle(std::span(items));
  for (const int item : items) result += std::to_string(item);
  return result + std::to_string(gen.bits());
}

TEST_CASE("gen: one seed gives the same choices again, another seed gives others") {
  RandomGen first(1), again(1), other(2);
  const std::string result = play(first);
  CHECK(play(again) == result);
  CHECK(play(other) != result);
}

TEST_CASE("gen: a recorded tape replays to the same result") {
  for (uint64_t seed = 0; seed < 50; ++seed) {
    CAPTURE(seed);
    RandomGen random(seed);
    RecordingGen recording(random);
    const std::string result = play(recording);

    ReplayGen replay(recording.tape());
    CHECK(play(replay) == result);
    CHECK_FALSE(replay.diverged());
    CHECK(replay.remaining() == 0);
  }
}

TEST_CASE("gen: the empty tape is the simplest run") {
  ReplayGen replay({});
  CHECK(play(replay) == "aFx12340");
  CHECK(replay.diverged());
}

TEST_CASE("gen: a tape that does not fit is bent to fit, and says so") {
  const ChoiceTape tape = {9, 1, 1};
  ReplayGen replay(tape);
  CHECK(replay.below(3) == 2);
  CHECK(replay.diverged());

  ReplayGen impossible(std::span<const uint64_t>(tape).subspan(1));
  CHECK_FALSE(impossible.chance(0, 5));
  CHECK(impossible.diverged());
  CHECK(impossible.chance(5, 5));
}

TEST_CASE("gen: exhaustive rounds make every sequence of choices once") {
  ExhaustiveGen gen;
  std::set<std::vector<uint64_t>> seen;
  while (gen.next_round()) {
    std::vector<uint64_t> sequence = {gen.below(3)};
    // How many choices follow depends on the first: 1 + 2 + 4 sequences.
    for (uint64_t i = 0; i < sequence[0]; ++i) sequence.push_back(gen.coin() ? 1 : 0);
    CHECK(seen.insert(sequence).second);
  }
  CHECK(seen.size() == 7);
  CHECK(gen.rounds() == 7);
  CHECK_FALSE(gen.bounded());
  CHECK_FALSE(gen.next_round());
}

TEST_CASE("gen: exhaustive shuffles reach each order once") {
  ExhaustiveGen gen;
  std::set<std::vector<int>> orders;
  while (gen.next_round()) {
    std::vector<int> items = {1, 2, 3, 4};
    gen.shuffle(std::span(items));
    CHECK(orders.insert(items).second);
  }
  CHECK(orders.size() == 24);
}

TEST_CASE("gen: impossible alternatives are not enumerated") {
  ExhaustiveGen gen;
  int rounds = 0;
  while (gen.next_round()) {
    ++rounds;
    CHECK_FALSE(gen.chance(0, 9));
    CHECK(gen.chance(9, 9));
    (void)gen.chance(1, 9);
  }
  CHECK(rounds == 2);
}

TEST_CASE("gen: bounds on the enumeration keep the extremes and are reported") {
  ExhaustiveGen wide({.alternatives_max = 4});
  std::vector<uint64_t> numbers;
  while (wide.next_round()) numbers.push_back(wide.below(1000));
  CHECK(numbers == std::vector<uint64_t>{0, 1, 2, 999});
  CHECK(wide.bounded());

  ExhaustiveGen deep({.choices_max = 3});
  int rounds = 0;
  while (deep.next_round()) {
    ++rounds;
    for (int i = 0; i < 100; ++i) (void)deep.coin();
  }
  CHECK(rounds == 8);
  CHECK(deep.bounded());
}

}  // namespace
}  // namespace topgun
