#include "core/query/ordered_key.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <vector>

#include "core/base/stable_sort.hpp"
#include "core/query/internal/key_reader.hpp"
#include "core/query/internal/key_tags.hpp"
#include "core/value/utf8.hpp"

namespace topgun::query {
namespace {

using namespace internal;

constexpr size_t kUsualBytes = 32;

void append_big_endian(Bytes& out, uint64_t value, size_t width) {
  const size_t at = out.size();
  out.resize(at + width);
  for (size_t i = 0; i < width; ++i) {
    out[at + i] = static_cast<uint8_t>(value >> (8 * (width - 1 - i)));
  }
}

/// Text without its end. Almost no text has bytes 0 or 1, so runs between them are copied whole.
void append_escaped(Bytes& out, ByteView bytes) {
  size_t from = 0;
  for (size_t at = 0; at < bytes.size(); ++at) {
    if (bytes[at] > kEscape) continue;
    out.insert(out.end(), bytes.begin() + static_cast<ptrdiff_t>(from),
               bytes.begin() + static_cast<ptrdiff_t>(at));
    out.push_back(kEscape);
    out.push_back(static_cast<uint8_t>(bytes[at] + 1));
    from = at + 1;
  }
  out.insert(out.end(), bytes.begin() + static_cast<ptrdiff_t>(from), bytes.end());
}

void append_terminated(Bytes& out, ByteView bytes) {
  append_escaped(out, bytes);
  out.push_back(kEnd);
}

void append_number(Bytes& out, double number, uint8_t tie) {
  out.push_back(kNumberTag);
  append_big_endian(out, ascending_bits(number), 8);
  out.push_back(tie);
}

/// What a bigint has beyond the double in front of it: longer is more. Flipped for negative ones.
void append_rest(Bytes& out, ByteView magnitude, bool negative) {
  const size_t at = out.size();
  append_big_endian(out, magnitude.size(), 2);
  out.insert(out.end(), magnitude.begin(), magnitude.end());
  if (!negative) return;
  for (size_t i = at; i < out.size(); ++i) out[i] = static_cast<uint8_t>(~out[i]);
}

/// A bigint stands behind the double that its 53 leading bits make. What is left of it decides
/// among the bigints that share the double.
void append_bigint(Bytes& out, const BigInt& bigint, KeyForm form) {
  const ByteView magnitude = bigint.magnitude;
  const size_t bits = bit_count(magnitude);
  const double sign = bigint.negative ? -1 : 1;
  if (bits > kDoubleBitsMax) {
    append_number(out, sign * kDoubleMax, bigint.negative ? kTieFarBelow : kTieFarAbove);
    return append_rest(out, magnitude, bigint.negative);
  }
  Bytes rest = bigint.magnitude;
  const double leading = take_leading_bits(rest, bits);
  const auto first = std::find_if(rest.begin(), rest.end(), [](uint8_t byte) { return byte != 0; });
  rest.erase(rest.begin(), first);
  if (rest.empty()) {
    const uint8_t tie = form == KeyForm::Query ? kTieNumber : kTieBigInt;
    return append_number(out, bits == 0 ? 0.0 : sign * leading, tie);
  }
  append_number(out, sign * leading, bigint.negative ? kTieBelow : kTieAbove);
  append_rest(out, rest, bigint.negative);
}

void append_numeric(Bytes& out, ValueView value, KeyForm form) {
  if (const auto number = value.as_double()) {
    // Adding 0 turns -0 into 0 and leaves everything else as it is.
    append_number(out, form == KeyForm::Query ? *number + 0.0 : *number, kTieNumber);
  } else {
    append_bigint(out, value.as_bigint().value_or(BigInt{}), form);
  }
}

void append_date(Bytes& out, ValueDate date) {
  out.push_back(kDateTag);
  append_big_endian(out, static_cast<uint64_t>(date.seconds + kDateSecondsMax), kDateSecondsBytes);
  append_big_endian(out, date.nanoseconds, 4);
}

void append_value(Bytes& out, ValueView value, KeyForm form, uint32_t depth_left);

void append_array(Bytes& out, ValueView array, KeyForm form, uint32_t depth_left) {
  out.push_back(kArrayTag);
  ArrayReader elements = array.elements();
  while (const auto element = elements.next()) append_value(out, *element, form, depth_left);
  out.push_back(kEnd);
}

void append_map(Bytes& out, ValueView map, KeyForm form, uint32_t depth_left) {
  std::vector<MapEntry> entries;
  MapReader reader = map.entries();
  while (const auto entry = reader.next()) entries.push_back(*entry);
  stable_sort(entries, [](const MapEntry& left, const MapEntry& right) {
    return compare_bytes(as_bytes(left.key), as_bytes(right.key)) < 0;
  });
  out.push_back(kMapTag);
  for (const MapEntry& entry : entries) {
    out.push_back(kTextTag);
    append_terminated(out, as_bytes(entry.key));
    append_value(out, entry.value, form, depth_left);
  }
  out.push_back(kEnd);
}

void append_extension(Bytes& out, const ExtensionView& extension) {
  out.push_back(kExtensionTag);
  out.push_back(static_cast<uint8_t>(static_cast<uint8_t>(extension.type) ^ 0x80));
  append_terminated(out, extension.payload);
}

/// `depth_left` bounds the recursion over bytes that nobody validated.
void append_value(Bytes& out, ValueView value, KeyForm form, uint32_t depth_left) {
  if (depth_left == 0) return out.push_back(kNilTag);
  switch (value.type()) {
    case ValueType::Nil:
      return out.push_back(kNilTag);
    case ValueType::Bool:
      return out.push_back(value.as_bool().value_or(false) ? kTrueTag : kFalseTag);
    case ValueType::Number:
    case ValueType::BigInt:
      return append_numeric(out, value, form);
    case ValueType::Text:
      out.push_back(kTextTag);
      return append_terminated(out, as_bytes(value.as_text().value_or("")));
    case ValueType::Binary:
      out.push_back(kBinaryTag);
      return append_terminated(out, value.as_binary().value_or(ByteView{}));
    case ValueType::Date:
      return append_date(out, value.as_date().value_or(ValueDate{}));
    case ValueType::Array:
      return append_array(out, value, form, depth_left - 1);
    case ValueType::Map:
      return append_map(out, value, form, depth_left - 1);
    case ValueType::Extension:
      return append_extension(out, value.as_extension().value_or(ExtensionView{}));
  }
}

void flip(Bytes& out, size_t from) {
  for (size_t i = from; i < out.size(); ++i) out[i] = static_cast<uint8_t>(~out[i]);
}

Bytes tag_bytes(uint8_t tag) { return Bytes(1, tag); }

}  // namespace

void append_ordered_key(Bytes& out, const std::optional<ValueView>& value, KeyForm form,
                        Direction direction) {
  const size_t from = out.size();
  // Most keys are of one short value, and made byte by byte.
  if (out.capacity() == 0) out.reserve(kUsualBytes);
  if (value) {
    append_value(out, *value, form, kValueDepthMax + 1);
  } else {
    out.push_back(form == KeyForm::Exact ? kMissingTag : kNilTag);
  }
  if (direction == Direction::Descending) flip(out, from);
}

void append_ordered_record_key(Bytes& out, ByteView key) {
  out.push_back(is_utf8(key) ? kTextTag : kBinaryTag);
  append_terminated(out, key);
}

void append_ordered_text_prefix(Bytes& out, std::string_view prefix, Direction direction) {
  const size_t from = out.size();
  out.push_back(kTextTag);
  append_escaped(out, as_bytes(prefix));
  if (direction == Direction::Descending) flip(out, from);
}

std::optional<Bytes> prefix_end(ByteView bytes) {
  size_t size = bytes.size();
  while (size > 0 && bytes[size - 1] == 0xff) --size;
  if (size == 0) return std::nullopt;
  Bytes end = to_bytes(bytes.first(size));
  ++end.back();
  return end;
}

Result<OrderedPart> read_ordered_part(ByteView key, Direction direction) {
  return KeyReader(key, direction == Direction::Descending).read();
}

TypeRange comparable_range(ValueView operand) {
  const auto whole_type = [](uint8_t tag) {
    return TypeRange{tag_bytes(tag), tag_bytes(static_cast<uint8_t>(tag + 1))};
  };
  switch (operand.type()) {
    case ValueType::Nil:
      return whole_type(kNilTag);
    case ValueType::Bool:
      return {tag_bytes(kFalseTag), tag_bytes(kTrueTag + 1)};
    case ValueType::Number:
    case ValueType::BigInt: {
      Bytes nan;
      append_number(nan, double_from(kNaNBits), kTieNumber);
      return {tag_bytes(kNumberTag), std::move(nan)};
    }
    case ValueType::Text:
      return whole_type(kTextTag);
    case ValueType::Binary:
      return whole_type(kBinaryTag);
    case ValueType::Date:
      return whole_type(kDateTag);
    case ValueType::Array:
      return whole_type(kArrayTag);
    case ValueType::Map:
      return whole_type(kMapTag);
    case ValueType::Extension:
      return whole_type(kExtensionTag);
  }
  return {};
}

}  // namespace topgun::query
