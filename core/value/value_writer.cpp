#include "core/value/value_writer.hpp"

#include "core/base/assert.hpp"
#include "core/value/internal/head.hpp"

namespace topgun {
namespace {

constexpr uint64_t kCanonicalNaN = 0x7ff8000000000000;
constexpr size_t kShortTextMax = 31;
constexpr size_t kShortCountMax = 15;

void store_big_endian(uint8_t* at, uint64_t value, size_t width) {
  for (size_t i = 0; i < width; ++i) at[i] = static_cast<uint8_t>(value >> (8 * (width - 1 - i)));
}

/// Doublings of a byte until `value` fits: 0 for 8 bits, up to 3 for 64.
uint8_t width_step(uint64_t value) {
  if (value <= 0xff) return 0;
  if (value <= 0xffff) return 1;
  return value <= 0xffffffff ? 2 : 3;
}

}  // namespace

void ValueWriter::lead_and_field(uint8_t lead, uint64_t field, size_t width) {
  uint8_t bytes[9] = {lead};
  store_big_endian(bytes + 1, field, width);
  append({bytes, 1 + width});
}

void ValueWriter::sized_head(uint8_t lead, size_t size) {
  TG_ASSERT(size <= UINT32_MAX);
  const uint8_t step = width_step(size);
  lead_and_field(static_cast<uint8_t>(lead + step), size, size_t{1} << step);
}

void ValueWriter::integer_head(int64_t value) {
  const auto bits = static_cast<uint64_t>(value);
  if (value >= -32 && value < 128) return out_.push_back(static_cast<uint8_t>(bits));
  if (value >= 0) {
    const uint8_t step = width_step(bits);
    return lead_and_field(static_cast<uint8_t>(0xcc + step), bits, size_t{1} << step);
  }
  // -128 needs no more bits than 127; folding the sign away leaves the bits in need of room.
  const uint8_t step = width_step(~bits << 1);
  lead_and_field(static_cast<uint8_t>(0xd0 + step), bits, size_t{1} << step);
}

void ValueWriter::integer(int64_t value) {
  if (value >= -kNumberIntegerMax && value <= kNumberIntegerMax) return integer_head(value);
  const auto bits = static_cast<uint64_t>(value);
  uint8_t magnitude[8];
  store_big_endian(magnitude, value < 0 ? ~bits + 1 : bits, sizeof magnitude);
  bigint_parts(value < 0, magnitude);
}

void ValueWriter::unsigned_integer(uint64_t value) {
  if (value <= static_cast<uint64_t>(INT64_MAX)) return integer(static_cast<int64_t>(value));
  uint8_t magnitude[8];
  store_big_endian(magnitude, value, sizeof magnitude);
  bigint_parts(false, magnitude);
}

void ValueWriter::number(double value) {
  constexpr auto kMax = static_cast<double>(kNumberIntegerMax);
  const uint64_t bits = value_internal::bits_from_double(value);
  const bool is_negative_zero = bits == uint64_t{1} << 63;
  if (value >= -kMax && value <= kMax && !is_negative_zero) {
    const auto integer = static_cast<int64_t>(value);
    if (static_cast<double>(integer) == value) return integer_head(integer);
  }
  lead_and_field(0xcb, value != value ? kCanonicalNaN : bits, 8);
}

void ValueWriter::text(std::string_view value) {
  if (value.size() <= kShortTextMax) {
    out_.push_back(static_cast<uint8_t>(0xa0 | value.size()));
  } else {
    sized_head(0xd9, value.size());
  }
  append(as_bytes(value));
}

void ValueWriter::binary(ByteView value) {
  sized_head(0xc4, value.size());
  append(value);
}

void ValueWriter::extension_head(int8_t type, size_t size) {
  switch (size) {
    case 1:
    case 2:
    case 4:
    case 8:
    case 16:
      out_.push_back(static_cast<uint8_t>(0xd4 + __builtin_ctzll(size)));
      break;
    default:
      sized_head(0xc7, size);
  }
  out_.push_back(static_cast<uint8_t>(type));
}

void ValueWriter::extension(int8_t type, ByteView payload) {
  extension_head(type, payload.size());
  append(payload);
}

void ValueWriter::date(ValueDate value) {
  TG_ASSERT(value.nanoseconds < 1'000'000'000);
  TG_ASSERT(value.seconds >= -kDateSecondsMax);
  TG_ASSERT(value.seconds <= kDateSecondsMax);
  uint8_t payload[12];
  const auto seconds = static_cast<uint64_t>(value.seconds);
  if (seconds >> 34 != 0) {  // Before 1970 too: the sign bit is set.
    store_big_endian(payload, value.nanoseconds, 4);
    store_big_endian(payload + 4, seconds, 8);
    return extension(kExtensionDate, payload);
  }
  if (value.nanoseconds == 0 && seconds <= UINT32_MAX) {
    store_big_endian(payload, seconds, 4);
    return extension(kExtensionDate, {payload, 4});
  }
  store_big_endian(payload, (uint64_t{value.nanoseconds} << 34) | seconds, 8);
  extension(kExtensionDate, {payload, 8});
}

void ValueWriter::bigint(const BigInt& value) { bigint_parts(value.negative, value.magnitude); }

void ValueWriter::bigint_parts(bool negative, ByteView magnitude) {
  while (!magnitude.empty() && magnitude[0] == 0) magnitude = magnitude.subspan(1);
  TG_ASSERT(magnitude.size() <= kBigIntBytesMax);
  extension_head(kExtensionBigInt, 1 + magnitude.size());
  out_.push_back(negative && !magnitude.empty() ? 1 : 0);
  append(magnitude);
}

void ValueWriter::container_head(uint8_t short_lead, uint8_t lead, size_t count) {
  TG_ASSERT(count <= UINT32_MAX);
  if (count <= kShortCountMax) {
    return out_.push_back(static_cast<uint8_t>(short_lead | count));
  }
  if (count <= UINT16_MAX) return lead_and_field(lead, count, 2);
  lead_and_field(static_cast<uint8_t>(lead + 1), count, 4);
}

void ValueWriter::begin_array(size_t count) { container_head(0x90, 0xdc, count); }

void ValueWriter::begin_map(size_t count) { container_head(0x80, 0xde, count); }

}  // namespace topgun
