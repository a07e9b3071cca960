#pragma once

#include <span>
#include <vector>

#include "core/base/bytes.hpp"
#include "core/base/prng.hpp"

namespace topgun {

/// The choices that a recorded run made, in order, one number a choice. Small numbers are the
/// simpler choices, and 0 the simplest.
using ChoiceTape = std::vector<uint64_t>;

/// The source of every choice a test or a simulation makes. What is tested is written once, against
/// this interface; the driver behind it decides whether choices are random (`RandomGen`), repeated
/// from a recording (`ReplayGen`, which is also how failures are made smaller) or enumerated one
/// after another until none is left (`ExhaustiveGen`, after TigerBeetle's exhaustigen).
///
/// Write generators so that smaller numbers give simpler cases. One choice a statement, as with
/// `Prng`.
class Gen {
 public:
  virtual ~Gen() = default;

  /// A number in [0, bound); `bound` must not be 0.
  uint64_t below(uint64_t bound) {
    TG_ASSERT(bound > 0);
    return choose(bound - 1);
  }

  /// A number in [low, high], both included. `low` is the simplest.
  uint64_t between(uint64_t low, uint64_t high) {
    TG_ASSERT(low <= high);
    return low + choose(high - low);
  }

  /// Any 64-bit number.
  uint64_t bits() { return choose(UINT64_MAX); }

  /// True in `numerator` of `denominator` random cases; two alternatives when enumerated, or one
  /// where the odds leave only one. `false` is the simplest.
  bool chance(uint64_t numerator, uint64_t denominator) {
    TG_ASSERT(denominator > 0);
    return choose_bool(numerator, denominator);
  }

  bool coin() { return chance(1, 2); }

  /// A copy of one of `items`, which must not be empty. The first is the simplest.
  template <typename T>
  T pick(std::span<const T> items) {
    TG_ASSERT(!items.empty());
    return items[static_cast<size_t>(below(items.size()))];
  }
  template <typename T>
  T pick(const std::vector<T>& items) {
    return pick(std::span<const T>(items));
  }
  template <typename T, size_t Count>
  T pick(const T (&items)[Count]) {
    return pick(std::span<const T>(items));
  }

  /// Every order equally likely; all zeros leave the order as it is. O(size).
  template <typename T>
  void shuffle(std::span<T> items) {
    for (uint64_t at = 0; at + 1 < items.size(); ++at) {
      const uint64_t other = at + below(items.size() - at);
      std::swap(items[static_cast<size_t>(at)], items[static_cast<size_t>(other)]);
    }
  }

  /// Between `size_min` and `size_max` arbitrary bytes.
  Bytes bytes(uint64_t size_min, uint64_t size_max);

  /// Between `size_min` and `size_max` lower-case ASCII letters, from the first `letters` of the
  /// alphabet (1 to 26). Few letters give many collisions.
  std::string word(uint64_t size_min, uint64_t size_max, uint64_t letters = 26);

 protected:
  /// A number in [0, last].
  virtual uint64_t choose(uint64_t last) = 0;
  virtual bool choose_bool(uint64_t numerator, uint64_t denominator) = 0;

 private:
  friend class RecordingGen;
};

/// Random choices from a seed: the same seed, stream and entity give the same choices for ever.
class RandomGen final : public Gen {
 public:
  explicit RandomGen(uint64_t seed, StreamId stream = stream_id("gen"), uint64_t entity = 0)
      : prng_(seed, stream, entity) {}

 private:
  uint64_t choose(uint64_t last) override { return prng_.between(0, last); }
  bool choose_bool(uint64_t numerator, uint64_t denominator) override {
    return prng_.chance(numerator, denominator);
  }

  Prng prng_;
};

/// Passes the choices of another driver on and writes them down. Borrows `inner`.
class RecordingGen final : public Gen {
 public:
  explicit RecordingGen(Gen& inner) : inner_(inner) {}

  const ChoiceTape& tape() const { return tape_; }

 private:
  uint64_t choose(uint64_t last) override;
  bool choose_bool(uint64_t numerator, uint64_t denominator) override;

  Gen& inner_;
  ChoiceTape tape_;
};

/// Makes the choices of a tape again. Every tape can be played against every program, so that a
/// tape may be cut and lowered freely: a number that is too large becomes the largest allowed, and
/// after the end every choice is the simplest. Borrows `tape`.
class ReplayGen final : public Gen {
 public:
  explicit ReplayGen(std::span<const uint64_t> tape) : tape_(tape) {}

  /// Whether some choice differed from the tape: too large a number, or more choices than numbers.
  bool diverged() const { return diverged_; }

  /// Choices of the tape not made yet.
  uint64_t remaining() const { return tape_.size() - at_; }

 private:
  uint64_t choose(uint64_t last) override;
  bool choose_bool(uint64_t numerator, uint64_t denominator) override;

  std::span<const uint64_t> tape_;
  size_t at_ = 0;
  bool diverged_ = false;
};

/// Makes every possible sequence of choices once, in lexicographic order:
///
///     ExhaustiveGen gen;
///     while (gen.next_round()) { ...a program that chooses from gen... }
///
/// The program must make the same choices whenever its earlier choices were the same. The number of
/// rounds is the product of the alternatives, so bound them: choices past `choices_max` in a round
/// are all 0, and a choice among more than `alternatives_max` tries the lowest of them and the
/// highest. `bounded()` then says that something was left out.
class ExhaustiveGen final : public Gen {
 public:
  struct Limits {
    uint64_t choices_max = 64;
    uint64_t alternatives_max = 64;
  };

  ExhaustiveGen() = default;
  explicit ExhaustiveGen(Limits limits) : limits_(limits) {}

  /// Starts the next round; false when all have been played.
  bool next_round();

  /// Rounds started.
  uint64_t rounds() const { return rounds_; }

  /// Whether a limit kept alternatives from being tried, in any round so far.
  bool bounded() const { return bounded_; }

 private:
  struct Choice {
    uint64_t alternative;
    uint64_t alternatives;
  };

  uint64_t choose(uint64_t last) override;
  bool choose_bool(uint64_t numerator, uint64_t denominator) override;
  uint64_t choose_alternative(uint64_t alternatives);

  Limits limits_;
  std::vector<Choice> path_;
  size_t at_ = 0;
  uint64_t rounds_ = 0;
  bool bounded_ = false;
};

}  // namespace topgun
