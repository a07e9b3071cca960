#pragma once

#include <cstdint>

namespace topgun {

/// A bijection of 64-bit integers in which each input bit flips each output bit with a chance near
/// one half: the finaliser of SplitMix64 (Steele, Lea, Flood, "Fast Splittable Pseudorandom Number
/// Generators", OOPSLA 2014; constants by Stafford). Integer arithmetic only, so the same
/// everywhere.
constexpr uint64_t mix64(uint64_t value) {
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9;
  value = (value ^ (value >> 27)) * 0x94d049bb133111eb;
  return value ^ (value >> 31);
}

/// Folds `value` into `state`. The order of values counts, and zeros count: the constant (2^64 over
/// the golden ratio) keeps zero from being a fixed point of the mixing.
constexpr uint64_t absorb64(uint64_t state, uint64_t value) {
  return mix64(state ^ mix64(value + 0x9e3779b97f4a7c15));
}

}  // namespace topgun
