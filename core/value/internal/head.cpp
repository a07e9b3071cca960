#include "core/value/internal/head.hpp"

#include <algorithm>

namespace topgun::value_internal {
namespace {

/// The field behind the format byte: its width, what it says, and whether a type byte follows.
Head fixed_extension(ByteView in, uint8_t payload_size) {
  if (in.size() < 2) return {};
  return {HeadKind::Extension, 2, static_cast<int8_t>(in[1]), payload_size};
}

Head sized(ByteView in, HeadKind kind, uint8_t width) {
  if (in.size() < size_t{1} + width) return {};
  return {kind, static_cast<uint8_t>(1 + width), 0, load_big_endian(in.data() + 1, width)};
}

Head sized_extension(ByteView in, uint8_t width) {
  Head head = sized(in, HeadKind::Extension, width);
  if (head.kind == HeadKind::Truncated || in.size() <= head.size) return {};
  head.extension_type = static_cast<int8_t>(in[head.size]);
  ++head.size;
  return head;
}

Head signed_integer(ByteView in, uint8_t width) {
  Head head = sized(in, HeadKind::Int, width);
  const int unused_bits = 64 - 8 * width;
  // Shifting up and back down extends the sign of the narrow integer.
  head.number =
      static_cast<uint64_t>(static_cast<int64_t>(head.number << unused_bits) >> unused_bits);
  return head;
}

Head unsigned_integer(ByteView in, uint8_t width) {
  Head head = sized(in, HeadKind::Int, width);
  if (head.number >> 63 != 0) head.kind = HeadKind::Uint;
  return head;
}

Head narrow_float(ByteView in) {
  Head head = sized(in, HeadKind::Float, 4);
  head.number = widened_float_bits(static_cast<uint32_t>(head.number));
  return head;
}

}  // namespace

Head read_wide_head(ByteView in) {
  switch (in[0]) {
    case 0xc0:
      return {HeadKind::Nil, 1, 0, 0};
    case 0xc1:
      return {HeadKind::Reserved, 1, 0, 0};
    case 0xc2:
      return {HeadKind::False, 1, 0, 0};
    case 0xc3:
      return {HeadKind::True, 1, 0, 0};
    case 0xc4:
      return sized(in, HeadKind::Binary, 1);
    case 0xc5:
      return sized(in, HeadKind::Binary, 2);
    case 0xc6:
      return sized(in, HeadKind::Binary, 4);
    case 0xc7:
      return sized_extension(in, 1);
    case 0xc8:
      return sized_extension(in, 2);
    case 0xc9:
      return sized_extension(in, 4);
    case 0xca:
      return narrow_float(in);
    case 0xcb:
      return sized(in, HeadKind::Float, 8);
    case 0xcc:
      return unsigned_integer(in, 1);
    case 0xcd:
      return unsigned_integer(in, 2);
    case 0xce:
      return unsigned_integer(in, 4);
    case 0xcf:
      return unsigned_integer(in, 8);
    case 0xd0:
      return signed_integer(in, 1);
    case 0xd1:
      return signed_integer(in, 2);
    case 0xd2:
      return signed_integer(in, 4);
    case 0xd3:
      return signed_integer(in, 8);
    case 0xd4:
      return fixed_extension(in, 1);
    case 0xd5:
      return fixed_extension(in, 2);
    case 0xd6:
      return fixed_extension(in, 4);
    case 0xd7:
      return fixed_extension(in, 8);
    case 0xd8:
      return fixed_extension(in, 16);
    case 0xd9:
      return sized(in, HeadKind::Text, 1);
    case 0xda:
      return sized(in, HeadKind::Text, 2);
    case 0xdb:
      return sized(in, HeadKind::Text, 4);
    case 0xdc:
      return sized(in, HeadKind::Array, 2);
    case 0xdd:
      return sized(in, HeadKind::Array, 4);
    case 0xde:
      return sized(in, HeadKind::Map, 2);
    case 0xdf:
      return sized(in, HeadKind::Map, 4);
    default:  // The one-byte forms; `read_head` has dealt with them.
      return {HeadKind::Reserved, 1, 0, 0};
  }
}

std::optional<ValueDate> read_date(ByteView payload) {
  ValueDate date;
  if (payload.size() == 4) {
    date.seconds = static_cast<int64_t>(load_big_endian(payload.data(), 4));
  } else if (payload.size() == 8) {
    const uint64_t packed = load_big_endian(payload.data(), 8);
    date = {static_cast<int64_t>(packed & ((uint64_t{1} << 34) - 1)),
            static_cast<uint32_t>(packed >> 34)};
  } else if (payload.size() == 12) {
    date = {static_cast<int64_t>(load_big_endian(payload.data() + 4, 8)),
            static_cast<uint32_t>(load_big_endian(payload.data(), 4))};
  } else {
    return std::nullopt;
  }
  if (date.nanoseconds >= 1'000'000'000) return std::nullopt;
  if (date < ValueDate{-kDateSecondsMax, 0} || date > ValueDate{kDateSecondsMax, 0}) {
    return std::nullopt;
  }
  return date;
}

bool is_bigint_payload(ByteView payload) {
  if (payload.empty() || payload[0] > 1 || payload.size() > 1 + kBigIntBytesMax) return false;
  if (payload.size() == 1) return payload[0] == 0;
  return payload[1] != 0;
}

bool BigIntOperand::read(const Head& head, ByteView bytes) {
  if (head.kind == HeadKind::Extension) {
    if (head.extension_type != kExtensionBigInt || bytes.size() - head.size < head.number) {
      return false;
    }
    const ByteView payload = bytes.subspan(head.size, static_cast<size_t>(head.number));
    if (!is_bigint_payload(payload)) return false;
    negative_ = payload[0] != 0;
    stored_ = payload.subspan(1);
    return true;
  }
  if (head.kind != HeadKind::Uint && head.kind != HeadKind::Int) return false;
  if (is_number_range(head)) return false;
  negative_ = head.kind == HeadKind::Int && static_cast<int64_t>(head.number) < 0;
  uint64_t absolute = negative_ ? ~head.number + 1 : head.number;
  for (; absolute > 0; absolute >>= 8) {
    ++widened_size_;
    widened_[8 - widened_size_] = static_cast<uint8_t>(absolute);
  }
  return true;
}

size_t value_size(ByteView in) {
  size_t at = 0;
  uint64_t values_due = 1;
  while (values_due > 0) {
    const Head head = read_head(in.subspan(at));
    if (head.kind == HeadKind::Truncated || head.kind == HeadKind::Reserved) return 0;
    at += head.size;
    --values_due;
    if (has_payload(head.kind)) {
      if (head.number > in.size() - at) return 0;
      at += static_cast<size_t>(head.number);
    } else if (head.kind == HeadKind::Array) {
      values_due += head.number;
    } else if (head.kind == HeadKind::Map) {
      values_due += 2 * head.number;
    }
  }
  return at;
}

std::vector<MapEntry> sorted_entries(ValueView map) {
  std::vector<MapEntry> entries;
  MapReader reader = map.entries();
  while (const auto entry = reader.next()) entries.push_back(*entry);
  // allow(sort): keys of a validated map are unique, so there are no ties.
  std::sort(entries.begin(), entries.end(), [](const MapEntry& left, const MapEntry& right) {
    return compare_bytes(as_bytes(left.key), as_bytes(right.key)) < 0;
  });
  return entries;
}

bool has_sorted_keys(ValueView map) {
  MapReader reader = map.entries();
  auto previous = reader.next();
  if (!previous) return true;
  while (const auto entry = reader.next()) {
    if (compare_bytes(as_bytes(previous->key), as_bytes(entry->key)) >= 0) return false;
    previous = entry;
  }
  return true;
}

}  // namespace topgun::value_internal
