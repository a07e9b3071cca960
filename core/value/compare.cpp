#include "core/value/internal/head.hpp"
#include "core/value/value.hpp"

namespace topgun {
namespace {

using value_internal::BigIntOperand;
using value_internal::load_big_endian;
using value_internal::read_head;

template <typename T>
int three_way(T left, T right) {
  return left < right ? -1 : right < left ? 1 : 0;
}

/// Where a type stands among the others; bigints stand among the numbers.
int rank_of(ValueType type) {
  switch (type) {
    case ValueType::Nil:
      return 0;
    case ValueType::Bool:
      return 1;
    case ValueType::Number:
    case ValueType::BigInt:
      return 2;
    case ValueType::Text:
      return 3;
    case ValueType::Binary:
      return 4;
    case ValueType::Date:
      return 5;
    case ValueType::Array:
      return 6;
    case ValueType::Map:
      return 7;
    case ValueType::Extension:
      return 8;
  }
  return 9;
}

bool is_negative(double number) { return value_internal::bits_from_double(number) >> 63 != 0; }

/// NaN last and equal to itself, -0 before 0.
int compare_doubles(double left, double right) {
  if (left < right) return -1;
  if (left > right) return 1;
  if (left == right) return three_way(is_negative(right), is_negative(left));
  return three_way(left != left, right != right);
}

/// Order of two magnitudes without leading zeros.
int compare_magnitudes(ByteView left, ByteView right) {
  if (left.size() != right.size()) return left.size() < right.size() ? -1 : 1;
  return compare_bytes(left, right);
}

int compare_bigints(const BigIntOperand& left, const BigIntOperand& right) {
  if (left.negative() != right.negative()) return left.negative() ? -1 : 1;
  const int order = compare_magnitudes(left.magnitude(), right.magnitude());
  return left.negative() ? -order : order;
}

/// A finite double of at least 2^64 in absolute value is a 53-bit integer followed by zeros:
/// written out as bytes it can be at most this long, and is compared as a magnitude.
constexpr size_t kDoubleBytesMax = 128;

/// Order of |number|, which is finite, and a magnitude, exactly.
int compare_absolute(double number, ByteView magnitude) {
  const double absolute = is_negative(number) ? -number : number;
  if (absolute < 0x1p64) {
    if (magnitude.size() > 8) return -1;
    const auto whole = static_cast<uint64_t>(absolute);
    const int order = three_way(whole, load_big_endian(magnitude.data(), magnitude.size()));
    if (order != 0) return order;
    // Above 2^53 there is no fraction, and below, the conversion back is exact.
    return static_cast<double>(whole) < absolute ? 1 : 0;
  }
  const uint64_t bits = value_internal::bits_from_double(absolute);
  const uint64_t mantissa = (bits & ((uint64_t{1} << 52) - 1)) | (uint64_t{1} << 52);
  const auto shift = static_cast<size_t>((bits >> 52) - 1075);  // absolute = mantissa << shift
  uint8_t digits[kDoubleBytesMax + 8] = {};
  const size_t size = (53 + shift + 7) / 8;
  for (size_t bit = 0; bit < 53; ++bit) {
    if (((mantissa >> bit) & 1) == 0) continue;
    const size_t position = bit + shift;
    digits[size - 1 - position / 8] |= static_cast<uint8_t>(1U << (position % 8));
  }
  return compare_magnitudes({digits, size}, magnitude);
}

/// Order of a number and a bigint; the number comes first where they are the same integer.
int compare_mixed(double number, const BigIntOperand& bigint) {
  if (number != number) return 1;
  const bool negative = is_negative(number);
  if (number > 0x1.fffffffffffffp1023 || number < -0x1.fffffffffffffp1023) return negative ? -1 : 1;
  if (number != 0 && negative != bigint.negative()) return negative ? -1 : 1;
  if (number == 0 && !bigint.magnitude().empty()) return bigint.negative() ? 1 : -1;
  const int order = compare_absolute(number, bigint.magnitude());
  if (order == 0) return -1;
  return negative ? -order : order;
}

int compare_numeric(ValueView left, ValueView right) {
  const auto left_number = left.as_double();
  const auto right_number = right.as_double();
  if (left_number && right_number) return compare_doubles(*left_number, *right_number);
  BigIntOperand left_bigint;
  BigIntOperand right_bigint;
  if (!left_number) left_bigint.read(read_head(left.bytes()), left.bytes());
  if (!right_number) right_bigint.read(read_head(right.bytes()), right.bytes());
  if (left_number) return compare_mixed(*left_number, right_bigint);
  if (right_number) return -compare_mixed(*right_number, left_bigint);
  return compare_bigints(left_bigint, right_bigint);
}

int compare_extensions(const ExtensionView& left, const ExtensionView& right) {
  if (left.type != right.type) return left.type < right.type ? -1 : 1;
  return compare_bytes(left.payload, right.payload);
}

int compare_values(ValueView left, ValueView right, uint32_t depth_left);

int compare_arrays(ValueView left, ValueView right, uint32_t depth_left) {
  ArrayReader left_reader = left.elements();
  ArrayReader right_reader = right.elements();
  for (;;) {
    const auto left_element = left_reader.next();
    const auto right_element = right_reader.next();
    if (!left_element || !right_element) {
      return three_way(left_element.has_value(), right_element.has_value());
    }
    const int order = compare_values(*left_element, *right_element, depth_left);
    if (order != 0) return order;
  }
}

/// The entries of a map by ascending key, whatever their stored order.
class SortedReader {
 public:
  explicit SortedReader(ValueView map) : stored_(map.entries()) {
    if (value_internal::has_sorted_keys(map)) return;
    is_sorted_copy_ = true;
    entries_ = value_internal::sorted_entries(map);
  }

  std::optional<MapEntry> next() {
    if (!is_sorted_copy_) return stored_.next();
    if (index_ == entries_.size()) return std::nullopt;
    return entries_[index_++];
  }

 private:
  MapReader stored_;
  std::vector<MapEntry> entries_;
  size_t index_ = 0;
  bool is_sorted_copy_ = false;
};

int compare_maps(ValueView left, ValueView right, uint32_t depth_left) {
  SortedReader left_reader(left);
  SortedReader right_reader(right);
  for (;;) {
    const auto left_entry = left_reader.next();
    const auto right_entry = right_reader.next();
    if (!left_entry || !right_entry) {
      return three_way(left_entry.has_value(), right_entry.has_value());
    }
    int order = compare_bytes(as_bytes(left_entry->key), as_bytes(right_entry->key));
    if (order == 0) order = compare_values(left_entry->value, right_entry->value, depth_left);
    if (order != 0) return order;
  }
}

/// `depth_left` bounds the recursion over bytes that nobody validated; it never runs out otherwise.
int compare_values(ValueView left, ValueView right, uint32_t depth_left) {
  const ValueType type = left.type();
  const int order = three_way(rank_of(type), rank_of(right.type()));
  if (order != 0 || depth_left == 0) return order;
  switch (type) {
    case ValueType::Nil:
      return 0;
    case ValueType::Bool:
      return three_way(left.as_bool(), right.as_bool());
    case ValueType::Number:
    case ValueType::BigInt:
      return compare_numeric(left, right);
    case ValueType::Text:
      return compare_bytes(as_bytes(left.as_text().value_or("")),
                           as_bytes(right.as_text().value_or("")));
    case ValueType::Binary:
      return compare_bytes(left.as_binary().value_or(ByteView{}),
                           right.as_binary().value_or(ByteView{}));
    case ValueType::Date:
      return three_way(left.as_date(), right.as_date());
    case ValueType::Array:
      return compare_arrays(left, right, depth_left - 1);
    case ValueType::Map:
      return compare_maps(left, right, depth_left - 1);
    case ValueType::Extension:
      return compare_extensions(left.as_extension().value_or(ExtensionView{}),
                                right.as_extension().value_or(ExtensionView{}));
  }
  return 0;
}

}  // namespace

int compare_values(ValueView left, ValueView right) {
  // The +1 is for the scalars inside the deepest container.
  return compare_values(left, right, kValueDepthMax + 1);
}

}  // namespace topgun
