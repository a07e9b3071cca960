#pragma once

#include <memory>
#include <span>

#include "core/base/byte_io.hpp"
#include "core/value/value.hpp"

namespace topgun::query {

/// A sum of numbers without rounding, from which they can be taken out again: whatever came and
/// went in whatever order, the sum is the exact sum of what is there, rounded once to a double when
/// it is read. So a sum that is kept up to date equals one computed anew, and replicas agree (the
/// idea of Kulisch's long accumulator).
///
/// Nearly all numbers fit a fixed-point number of 128 bits: multiples of 2^-72 below 2^40. What
/// does not goes to one of 2176 bits, which is made when it is first needed. 40 bytes, or 312.
class ExactSum {
 public:
  ExactSum() = default;
  ExactSum(const ExactSum& other) { *this = other; }
  ExactSum(ExactSum&&) = default;
  ExactSum& operator=(const ExactSum& other);
  ExactSum& operator=(ExactSum&&) = default;

  void add(double number) {
    if (!change_whole(number, false)) change(number, false);
  }
  /// Takes out what was added before.
  void remove(double number) {
    if (!change_whole(number, true)) change(number, true);
  }

  /// Bigints beyond the doubles count as infinite.
  void add(const BigInt& number) { change(number, false); }
  void remove(const BigInt& number) { change(number, true); }

  void add(const ExactSum& other);

  /// The double nearest to the sum (ties to even). NaN if a NaN, or infinities of both signs, are
  /// in it. A sum of zero is 0, never -0.
  double value() const;

  /// The sum itself, without rounding: `flags u8` (1 wide, 2 what is not finite), low u64, high
  /// u64, the limbs, three counts. For another shard, which adds it to its own.
  void write(ByteWriter& out) const;
  static ExactSum read(ByteReader& in);

 private:
  static constexpr size_t kLimbs = 34;
  static constexpr int kFractionBits = 72;
  static constexpr uint64_t kFractionMask = (uint64_t{1} << (kFractionBits - 64)) - 1;
  /// Further from zero the fixed part is moved over, long before it could overflow.
  static constexpr uint64_t kHighMax = uint64_t{1} << 61;
  struct Wide {
    /// Two's complement, least significant first; bit 0 counts 2^-1074, the least double.
    uint64_t limbs[kLimbs] = {};
  };

  /// Whole numbers are the rule, and leave the lower half as it is. False for others.
  bool change_whole(double number, bool negated) {
    constexpr double kWholeMax = 0x1p40;
    if (!(number > -kWholeMax && number < kWholeMax)) return false;
    const auto whole = static_cast<int64_t>(number);
    if (static_cast<double>(whole) != number || high_ + kHighMax >= 2 * kHighMax) return false;
    const uint64_t part = static_cast<uint64_t>(whole) << (kFractionBits - 64);
    high_ += negated ? ~part + 1 : part;
    return true;
  }
  void change(double number, bool negated);
  void change(const BigInt& number, bool negated);
  void change_fixed(uint64_t low, uint64_t high, bool negated);
  void spill();
  Wide& wide();
  static void shift_in(std::span<uint64_t> limbs, uint64_t part, size_t bit, bool negated);

  uint64_t low_ = 0;  ///< Two's complement of 128 bits; bit 0 counts 2^-72.
  uint64_t high_ = 0;
  std::unique_ptr<Wide> wide_;
  int32_t nans_ = 0;
  int32_t infinities_ = 0;
  int32_t negative_infinities_ = 0;
};

}  // namespace topgun::query
