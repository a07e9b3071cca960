#pragma once

#include <bit>
#include <cstring>

#include "core/value/value.hpp"

/// The bytes of ordered keys that writer and reader share, and the arithmetic of their numbers.

namespace topgun::query::internal {

/// Ends text and containers; below every tag, so that a prefix sorts before its extensions.
inline constexpr uint8_t kEnd = 0x00;
inline constexpr uint8_t kEscape = 0x01;
inline constexpr uint8_t kMissingTag = 0x08;
inline constexpr uint8_t kNilTag = 0x10;
inline constexpr uint8_t kFalseTag = 0x18;
inline constexpr uint8_t kTrueTag = 0x19;
inline constexpr uint8_t kNumberTag = 0x28;
inline constexpr uint8_t kTextTag = 0x40;
inline constexpr uint8_t kBinaryTag = 0x48;
inline constexpr uint8_t kDateTag = 0x50;
inline constexpr uint8_t kArrayTag = 0x58;
inline constexpr uint8_t kMapTag = 0x60;
inline constexpr uint8_t kExtensionTag = 0x68;

/// What follows the eight bytes of a double. Bigints are cut off towards zero to find their double;
/// so negative ones lie below it, and positive ones above. "Far" ones are beyond all doubles.
inline constexpr uint8_t kTieFarBelow = 0x01;  ///< Then the magnitude, flipped.
inline constexpr uint8_t kTieBelow = 0x02;     ///< Then the rest of the magnitude, flipped.
inline constexpr uint8_t kTieNumber = 0x03;
inline constexpr uint8_t kTieBigInt = 0x04;    ///< A bigint that is exactly the double.
inline constexpr uint8_t kTieAbove = 0x05;     ///< Then the rest of the magnitude.
inline constexpr uint8_t kTieFarAbove = 0x06;  ///< Then the magnitude.

inline constexpr size_t kDateSecondsBytes = 6;
inline constexpr size_t kDoubleBitsMax = 1024;
inline constexpr size_t kMantissaBits = 53;
inline constexpr double kDoubleMax = 0x1.fffffffffffffp1023;
inline constexpr uint64_t kNaNBits = 0x7ff8000000000000;
inline constexpr uint64_t kSignBit = uint64_t{1} << 63;

inline double double_from(uint64_t bits) {
  double number;
  std::memcpy(&number, &bits, sizeof number);
  return number;
}

/// Bits that ascend with the number; every NaN has the same ones, above infinity.
inline uint64_t ascending_bits(double number) {
  if (number != number) return kNaNBits | kSignBit;
  uint64_t bits;
  std::memcpy(&bits, &number, sizeof bits);
  return (bits & kSignBit) != 0 ? ~bits : bits | kSignBit;
}

inline double from_ascending_bits(uint64_t bits) {
  return double_from((bits & kSignBit) != 0 ? bits & ~kSignBit : ~bits);
}

/// Bits of a big-endian magnitude without leading zeros.
inline size_t bit_count(ByteView magnitude) {
  if (magnitude.empty()) return 0;
  return 8 * magnitude.size() - static_cast<size_t>(std::countl_zero(magnitude[0]));
}

inline bool bit_at(ByteView magnitude, size_t bit) {
  return ((magnitude[magnitude.size() - 1 - bit / 8] >> (bit % 8)) & 1) != 0;
}

/// Clears the up to 53 leading bits of a magnitude of `bits` bits, at most `kDoubleBitsMax`, and
/// returns them as the double that they are.
inline double take_leading_bits(Bytes& magnitude, size_t bits) {
  if (bits == 0) return 0;
  uint64_t mantissa = 0;
  for (size_t taken = 0; taken < kMantissaBits; ++taken) {
    mantissa <<= 1;
    if (taken >= bits) continue;
    const size_t bit = bits - 1 - taken;
    if (!bit_at(magnitude, bit)) continue;
    mantissa |= 1;
    magnitude[magnitude.size() - 1 - bit / 8] &= static_cast<uint8_t>(~(1U << (bit % 8)));
  }
  const uint64_t fraction = mantissa & ((uint64_t{1} << (kMantissaBits - 1)) - 1);
  return double_from((uint64_t{bits - 1 + 1023} << 52) | fraction);
}

}  // namespace topgun::query::internal
