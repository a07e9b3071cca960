#pragma once

#include <span>
#include <string_view>
#include <utility>

#include "core/base/assert.hpp"
#include "core/base/mix.hpp"

namespace topgun {

/// What a series of random draws is for, e.g. `stream_id("net")`. Streams are independent.
struct StreamId {
  uint64_t value = 0;
  friend constexpr bool operator==(StreamId, StreamId) = default;
};

/// The stream of this name. No list of names is kept; two different names are two streams.
constexpr StreamId stream_id(std::string_view name) {
  uint64_t state = name.size();
  for (const char c : name) state = absorb64(state, static_cast<uint8_t>(c));
  return {state};
}

/// Keyed counter generator: draw `n` of (seed, stream, entity) is a pure function of these four
/// numbers (the counter-based idea of Salmon et al., "Parallel Random Numbers: As Easy as 1, 2, 3",
/// SC 2011, over `mix64`). There is no shared state to advance, so taking one draw more for one
/// message or one node leaves every other draw of the run as it was. That is what keeps a failing
/// run failing while a part of it is taken away. Not for secrets.
///
/// A `Prng` is a cursor over the draws of one key: copying it forks nothing, both copies give the
/// same draws. One draw a statement: C++ leaves the order inside `f(r.next(), r.next())` open.
class Prng {
 public:
  /// `entity` tells apart the many things that draw from one stream: a link, a node, a message.
  constexpr Prng(uint64_t seed, StreamId stream, uint64_t entity = 0)
      : key_(absorb64(absorb64(mix64(seed + 1), stream.value), entity)) {}

  /// 64 random bits: draw `position()`, then moves on.
  constexpr uint64_t next() { return at(position_++); }

  /// Draw `n`, wherever the cursor stands.
  constexpr uint64_t at(uint64_t n) const { return absorb64(key_, n); }

  constexpr uint64_t position() const { return position_; }

  /// A number in [0, bound), by multiply-shift (Lemire 2019, without the rejection step: one draw,
  /// always; no result is likelier than another by more than one part in 2^64 / bound).
  /// `bound` must not be 0.
  constexpr uint64_t below(uint64_t bound) {
    TG_ASSERT(bound > 0);
    return multiply_high(next(), bound);
  }

  /// A number in [low, high], both included.
  constexpr uint64_t between(uint64_t low, uint64_t high) {
    TG_ASSERT(low <= high);
    const uint64_t span = high - low;
    return span == UINT64_MAX ? next() : low + below(span + 1);
  }

  /// True in `numerator` of `denominator` cases. Takes a draw even when the answer is certain, so
  /// that turning a fault off does not shift the draws that follow.
  constexpr bool chance(uint64_t numerator, uint64_t denominator) {
    return below(denominator) < numerator;
  }

  /// A number in [0, 1) with 53 random bits; exact, hence the same in every build.
  constexpr double unit() { return static_cast<double>(next() >> 11) * 0x1p-53; }

  /// Fisher-Yates: every order equally likely. O(size), one draw less than there are items.
  template <typename T>
  constexpr void shuffle(std::span<T> items) {
    for (uint64_t left = items.size(); left > 1; --left) {
      const uint64_t other = below(left);
      std::swap(items[static_cast<size_t>(left - 1)], items[static_cast<size_t>(other)]);
    }
  }

  /// The upper 64 bits of the 128-bit product. Spelled in halves: ISO C++ has no 128-bit integer.
  static constexpr uint64_t multiply_high(uint64_t left, uint64_t right) {
    const uint64_t left_low = left & 0xffffffff, left_high = left >> 32;
    const uint64_t right_low = right & 0xffffffff, right_high = right >> 32;
    const uint64_t middle = left_high * right_low + ((left_low * right_low) >> 32);
    const uint64_t carry = left_low * right_high + (middle & 0xffffffff);
    return left_high * right_high + (middle >> 32) + (carry >> 32);
  }

 private:
  uint64_t key_;
  uint64_t position_ = 0;
};

}  // namespace topgun
