#pragma once

#include "core/base/bytes.hpp"

namespace topgun {

/// A 128-bit value; equality and wrapping addition are all that the core needs of it.
struct Hash128 {
  uint64_t low = 0;
  uint64_t high = 0;

  friend constexpr bool operator==(const Hash128&, const Hash128&) = default;
};

/// Addition and subtraction modulo 2^128.
constexpr Hash128 operator+(Hash128 left, Hash128 right) {
  const uint64_t low = left.low + right.low;
  return {low, left.high + right.high + (low < left.low ? 1 : 0)};
}
constexpr Hash128 operator-(Hash128 left, Hash128 right) {
  return {left.low - right.low, left.high - right.high - (left.low < right.low ? 1 : 0)};
}

/// XXH3 (Collet), seed fixed at compile time: the same bytes give the same hash in every build, on
/// every machine and for ever. Not a defence against chosen input. O(size).
uint64_t hash64(ByteView bytes);
uint64_t hash64(ByteView bytes, uint64_t seed);
Hash128 hash128(ByteView bytes);

}  // namespace topgun
