#include "core/base/assert.hpp"
#include "core/value/internal/head.hpp"
#include "core/value/value_writer.hpp"

namespace topgun {
namespace {

void write_canonical(ValueView value, ValueWriter& writer, uint32_t depth_left);

void write_entry(const MapEntry& entry, ValueWriter& writer, uint32_t depth_left) {
  writer.key(entry.key);
  write_canonical(entry.value, writer, depth_left);
}

void write_map(ValueView map, ValueWriter& writer, uint32_t depth_left) {
  writer.begin_map(map.size());
  if (value_internal::has_sorted_keys(map)) {
    MapReader reader = map.entries();
    while (const auto entry = reader.next()) write_entry(*entry, writer, depth_left);
    return;
  }
  for (const MapEntry& entry : value_internal::sorted_entries(map)) {
    write_entry(entry, writer, depth_left);
  }
}

/// Recursion is bounded because the value was validated to be no deeper than `depth_left`.
void write_canonical(ValueView value, ValueWriter& writer, uint32_t depth_left) {
  switch (value.type()) {
    case ValueType::Nil:
      return writer.nil();
    case ValueType::Bool:
      return writer.boolean(*value.as_bool());
    case ValueType::Number:
      return writer.number(*value.as_double());
    case ValueType::BigInt:
      return writer.bigint(*value.as_bigint());
    case ValueType::Text:
      return writer.text(*value.as_text());
    case ValueType::Binary:
      return writer.binary(*value.as_binary());
    case ValueType::Date:
      return writer.date(*value.as_date());
    case ValueType::Extension: {
      const ExtensionView extension = *value.as_extension();
      return writer.extension(extension.type, extension.payload);
    }
    case ValueType::Array: {
      TG_ASSERT(depth_left > 0);
      writer.begin_array(value.size());
      ArrayReader reader = value.elements();
      while (const auto element = reader.next()) write_canonical(*element, writer, depth_left - 1);
      return;
    }
    case ValueType::Map:
      TG_ASSERT(depth_left > 0);
      return write_map(value, writer, depth_left - 1);
  }
}

}  // namespace

Result<Bytes> canonicalize_value(ByteView bytes, const ValueLimits& limits) {
  if (const auto result = validate_value(bytes, limits); !result.ok()) return result.error();
  Bytes out;
  out.reserve(bytes.size());
  ValueWriter writer(out);
  write_canonical(ValueView(bytes), writer, kValueDepthMax);
  if (out.size() > limits.bytes_max) return Error::TooLarge;
  return out;
}

bool is_canonical_value(ByteView bytes, const ValueLimits& limits) {
  const auto canonical = canonicalize_value(bytes, limits);
  return canonical.ok() && equal_bytes(*canonical, bytes);
}

}  // namespace topgun
