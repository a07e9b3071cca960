#include "core/query/exact_sum.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

#include "core/query/internal/key_tags.hpp"

namespace topgun::query {
namespace {

using internal::double_from;

constexpr int kWideExponent = -1074;

// Flags of a sum that was written.
constexpr uint8_t kHasWide = 1;
constexpr uint8_t kIsNotFinite = 2;

bool is_negative(uint64_t top) { return top >> 63 != 0; }

/// limbs = -limbs.
void negate(std::span<uint64_t> limbs) {
  bool carry = true;
  for (uint64_t& limb : limbs) {
    limb = ~limb + (carry ? 1 : 0);
    carry = carry && limb == 0;
  }
}

bool bit_at(std::span<const uint64_t> limbs, int bit) {
  return bit >= 0 && ((limbs[static_cast<size_t>(bit) / 64] >> (bit % 64)) & 1) != 0;
}

bool any_below(std::span<const uint64_t> limbs, int bit) {
  for (int i = 0; i < bit; ++i) {
    if (bit_at(limbs, i)) return true;
  }
  return false;
}

/// The double nearest to a magnitude whose bit 0 counts 2^exponent.
double rounded(std::span<const uint64_t> limbs, int exponent, bool negative) {
  size_t used = limbs.size();
  while (used > 0 && limbs[used - 1] == 0) --used;
  if (used == 0) return 0;
  const int top = static_cast<int>(64 * used) - 1 - std::countl_zero(limbs[used - 1]);
  // The last place of the result, as a power of two and as a bit of the magnitude.
  const int place = std::max(top + exponent - 52, kWideExponent);
  const int last = place - exponent;
  uint64_t mantissa = 0;
  for (int bit = top; bit >= last; --bit) mantissa = (mantissa << 1) | (bit_at(limbs, bit) ? 1 : 0);
  const bool half = bit_at(limbs, last - 1);
  if (half && ((mantissa & 1) != 0 || any_below(limbs, last - 1))) ++mantissa;
  int power = place;
  if (mantissa >> 53 != 0) {
    mantissa >>= 1;
    ++power;
  }
  const uint64_t sign = negative ? internal::kSignBit : 0;
  if (mantissa >> 52 == 0) return double_from(sign | mantissa);  // Too small for a leading one.
  const int biased = power + 52 + 1023;
  if (biased >= 2047) return double_from(sign | (uint64_t{2047} << 52));
  const uint64_t fraction = mantissa & ((uint64_t{1} << 52) - 1);
  return double_from(sign | (static_cast<uint64_t>(biased) << 52) | fraction);
}

}  // namespace

ExactSum& ExactSum::operator=(const ExactSum& other) {
  if (this == &other) return *this;
  low_ = other.low_;
  high_ = other.high_;
  wide_ = other.wide_ ? std::make_unique<Wide>(*other.wide_) : nullptr;
  nans_ = other.nans_;
  infinities_ = other.infinities_;
  negative_infinities_ = other.negative_infinities_;
  return *this;
}

void ExactSum::change(double number, bool negated) {
  uint64_t bits;
  std::memcpy(&bits, &number, sizeof bits);
  const auto biased = static_cast<int>((bits >> 52) & 0x7ff);
  uint64_t mantissa = bits & ((uint64_t{1} << 52) - 1);
  const bool negative = is_negative(bits);
  if (biased == 2047) {
    int32_t& count = mantissa != 0 ? nans_ : negative ? negative_infinities_ : infinities_;
    count += negated ? -1 : 1;
    return;
  }
  if (biased != 0) mantissa |= uint64_t{1} << 52;
  if (mantissa == 0) return;
  // The number is mantissa * 2^exponent.
  const int exponent = std::max(biased, 1) - 1075;
  const int shift = exponent + kFractionBits;
  if (shift >= 0 && biased < 1023 + 40) {
    // Below 2^40: at most 113 bits.
    const uint64_t low = shift < 64 ? mantissa << shift : 0;
    const uint64_t high = shift == 0   ? 0
                          : shift < 64 ? mantissa >> (64 - shift)
                                       : mantissa << (shift - 64);
    return change_fixed(low, high, negative != negated);
  }
  if (shift < 0 && shift > -53 && (mantissa & ((uint64_t{1} << -shift) - 1)) == 0) {
    return change_fixed(mantissa >> -shift, 0, negative != negated);
  }
  shift_in(wide().limbs, mantissa, static_cast<size_t>(exponent - kWideExponent),
           negative != negated);
}

void ExactSum::change_fixed(uint64_t low, uint64_t high, bool negated) {
  if (negated) {
    const uint64_t before = low_;
    low_ -= low;
    high_ -= high + (low_ > before ? 1 : 0);
  } else {
    low_ += low;
    high_ += high + (low_ < low ? 1 : 0);
  }
  const uint64_t absolute = is_negative(high_) ? ~high_ : high_;
  if (absolute >= kHighMax) spill();
}

ExactSum::Wide& ExactSum::wide() {
  if (!wide_) wide_ = std::make_unique<Wide>();
  return *wide_;
}

/// Moves the fixed part over to the wide one.
void ExactSum::spill() {
  uint64_t parts[2] = {low_, high_};
  const bool negative = is_negative(high_);
  if (negative) negate(parts);
  constexpr size_t kBit = size_t{1074} - kFractionBits;
  shift_in(wide().limbs, parts[0], kBit, negative);
  shift_in(wide().limbs, parts[1], kBit + 64, negative);
  low_ = 0;
  high_ = 0;
}

/// Adds or subtracts `part` * 2^bit.
void ExactSum::shift_in(std::span<uint64_t> limbs, uint64_t part, size_t bit, bool negated) {
  const size_t at = bit / 64;
  const size_t shift = bit % 64;
  const uint64_t pieces[2] = {part << shift, shift == 0 ? 0 : part >> (64 - shift)};
  uint64_t carry = 0;
  for (size_t i = at; i < limbs.size(); ++i) {
    const uint64_t piece = i - at < 2 ? pieces[i - at] : 0;
    if (i - at >= 2 && carry == 0) return;
    const uint64_t before = limbs[i];
    if (negated) {
      limbs[i] = before - piece - carry;
      carry = before < piece || (before == piece && carry != 0) ? 1 : 0;
    } else {
      limbs[i] = before + piece + carry;
      carry = limbs[i] < before || (limbs[i] == before && carry != 0) ? 1 : 0;
    }
  }
}

void ExactSum::change(const BigInt& number, bool negated) {
  const ByteView magnitude = number.magnitude;
  if (internal::bit_count(magnitude) > internal::kDoubleBitsMax) {
    (number.negative ? negative_infinities_ : infinities_) += negated ? -1 : 1;
    return;
  }
  for (size_t i = 0; i < magnitude.size(); ++i) {
    const size_t bit = 8 * (magnitude.size() - 1 - i);
    shift_in(wide().limbs, magnitude[i], bit + 1074, number.negative != negated);
  }
}

void ExactSum::add(const ExactSum& other) {
  nans_ += other.nans_;
  infinities_ += other.infinities_;
  negative_infinities_ += other.negative_infinities_;
  low_ += other.low_;
  high_ += other.high_ + (low_ < other.low_ ? 1 : 0);
  const uint64_t absolute = is_negative(high_) ? ~high_ : high_;
  if (absolute >= kHighMax) spill();
  if (!other.wide_) return;
  for (size_t i = 0; i < kLimbs; ++i) shift_in(wide().limbs, other.wide_->limbs[i], 64 * i, false);
}

void ExactSum::write(ByteWriter& out) const {
  const bool is_finite = nans_ == 0 && infinities_ == 0 && negative_infinities_ == 0;
  out.u8(static_cast<uint8_t>((wide_ ? kHasWide : 0) | (is_finite ? 0 : kIsNotFinite)));
  out.u64(low_);
  out.u64(high_);
  if (wide_) {
    for (const uint64_t limb : wide_->limbs) out.u64(limb);
  }
  if (is_finite) return;
  for (const int32_t count : {nans_, infinities_, negative_infinities_}) {
    out.u32(static_cast<uint32_t>(count));
  }
}

ExactSum ExactSum::read(ByteReader& in) {
  ExactSum sum;
  const uint8_t flags = in.u8();
  sum.low_ = in.u64();
  sum.high_ = in.u64();
  if ((flags & kHasWide) != 0) {
    for (uint64_t& limb : sum.wide().limbs) limb = in.u64();
  }
  if ((flags & kIsNotFinite) == 0) return sum;
  for (int32_t* count : {&sum.nans_, &sum.infinities_, &sum.negative_infinities_}) {
    *count = static_cast<int32_t>(in.u32());
  }
  return sum;
}

double ExactSum::value() const {
  if (nans_ > 0 || (infinities_ > 0 && negative_infinities_ > 0)) {
    return double_from(internal::kNaNBits);
  }
  constexpr uint64_t kInfinity = uint64_t{2047} << 52;
  if (infinities_ > 0) return double_from(kInfinity);
  if (negative_infinities_ > 0) return double_from(internal::kSignBit | kInfinity);
  if (!wide_ && low_ == 0 && (high_ & kFractionMask) == 0) {
    // Whole numbers are the rule, and the conversion rounds to the nearest as well.
    const auto whole = static_cast<int64_t>(high_) >> (kFractionBits - 64);
    return static_cast<double>(whole);
  }
  if (!wide_) {
    uint64_t limbs[2] = {low_, high_};
    const bool negative = is_negative(high_);
    if (negative) negate(limbs);
    return rounded(limbs, -kFractionBits, negative);
  }
  ExactSum whole = *this;
  whole.spill();
  const std::span<uint64_t> limbs(whole.wide_->limbs);
  const bool negative = is_negative(limbs.back());
  if (negative) negate(limbs);
  return rounded(limbs, kWideExponent, negative);
}

}  // namespace topgun::query
