#pragma once

#include <optional>
#include <vector>

#include "core/base/bytes.hpp"
#include "core/value/value.hpp"

/// The head of an encoded value: everything in front of its payload, elements or entries. The one
/// place that knows the MessagePack format bytes for reading.

namespace topgun::value_internal {

enum class HeadKind : uint8_t {
  Truncated,  ///< The bytes end inside the head.
  Reserved,   ///< 0xc1, which MessagePack never uses.
  Nil,
  False,
  True,
  Int,    ///< `number` holds an int64_t.
  Uint,   ///< `number` is above every int64_t.
  Float,  ///< `number` holds the bits of a double.
  Text,   ///< `number` payload bytes follow; likewise Binary and Extension.
  Binary,
  Extension,
  Array,  ///< `number` elements follow.
  Map,    ///< `number` entries follow.
};

/// Sixteen bytes, so that it returns in two registers.
struct Head {
  HeadKind kind = HeadKind::Truncated;
  uint8_t size = 0;           ///< Bytes of the head itself.
  int8_t extension_type = 0;  ///< For `Extension`.
  uint64_t number = 0;
};

inline uint64_t load_big_endian(const uint8_t* at, size_t size) {
  uint64_t value = 0;
  for (size_t i = 0; i < size; ++i) value = (value << 8) | at[i];
  return value;
}

inline double double_from_bits(uint64_t bits) {
  double number;
  static_assert(sizeof number == sizeof bits);
  __builtin_memcpy(&number, &bits, sizeof number);
  return number;
}

inline uint64_t bits_from_double(double number) {
  uint64_t bits;
  __builtin_memcpy(&bits, &number, sizeof bits);
  return bits;
}

/// Widens exactly; a NaN stays a NaN.
inline uint64_t widened_float_bits(uint32_t narrow_bits) {
  float narrow;
  static_assert(sizeof narrow == sizeof narrow_bits);
  __builtin_memcpy(&narrow, &narrow_bits, sizeof narrow);
  return bits_from_double(static_cast<double>(narrow));
}

/// Whether the value of this head is followed by `number` bytes of payload.
inline bool has_payload(HeadKind kind) {
  return kind == HeadKind::Text || kind == HeadKind::Binary || kind == HeadKind::Extension;
}

/// Heads whose format byte is followed by a field of a fixed width.
Head read_wide_head(ByteView in);

/// Reads the head at the start of `in`; checks only that the head itself is there.
inline Head read_head(ByteView in) {
  if (in.empty()) return {};
  const uint8_t lead = in[0];
  if (lead < 0x80) return {HeadKind::Int, 1, 0, lead};
  if (lead < 0x90) return {HeadKind::Map, 1, 0, lead & 0x0fU};
  if (lead < 0xa0) return {HeadKind::Array, 1, 0, lead & 0x0fU};
  if (lead < 0xc0) return {HeadKind::Text, 1, 0, lead & 0x1fU};
  if (lead < 0xe0) return read_wide_head(in);
  return {HeadKind::Int, 1, 0, static_cast<uint64_t>(static_cast<int64_t>(lead) - 256)};
}

/// Whether an integer head is a number rather than a bigint.
inline bool is_number_range(const Head& head) {
  if (head.kind != HeadKind::Int) return false;
  const auto value = static_cast<int64_t>(head.number);
  return value >= -kNumberIntegerMax && value <= kNumberIntegerMax;
}

/// The date in an extension payload; nothing if it has another size than the three of the
/// MessagePack timestamp, too many nanoseconds, or lies outside the range of dates.
std::optional<ValueDate> read_date(ByteView payload);

/// Whether a payload is a well-formed bigint: a sign byte of 0 or 1, then a magnitude without
/// leading zeros and of at most `kBigIntBytesMax` bytes; zero is not negative.
bool is_bigint_payload(ByteView payload);

/// Sign and magnitude of a bigint for reading, whether it is stored as one or as a MessagePack
/// integer beyond the range of numbers.
class BigIntOperand {
 public:
  /// False, and nothing changed, if the value with this head at the start of `bytes` is no bigint.
  /// Borrows `bytes`.
  bool read(const Head& head, ByteView bytes);

  bool negative() const { return negative_; }
  /// Big-endian, no leading zeros. Valid while this object stays where it is.
  ByteView magnitude() const {
    return stored_.empty() ? ByteView(widened_ + 8 - widened_size_, widened_size_) : stored_;
  }

 private:
  bool negative_ = false;
  uint8_t widened_size_ = 0;
  uint8_t widened_[8] = {};  ///< A MessagePack integer's magnitude, right-aligned.
  ByteView stored_;
};

/// Size of the first value in `in`, all that is nested in it included; 0 if it does not end there.
size_t value_size(ByteView in);

/// A map's entries sorted by key if they were not already, for canonical bytes and comparison.
/// Allocates.
std::vector<MapEntry> sorted_entries(ValueView map);

/// Whether a map's keys stand in strictly ascending byte order.
bool has_sorted_keys(ValueView map);

}  // namespace topgun::value_internal
