#pragma once

#include <string>
#include <vector>

#include "core/base/byte_io.hpp"
#include "core/value/value.hpp"

namespace topgun::query {

inline constexpr size_t kAttributeStepsMax = 16;
inline constexpr size_t kAttributeStepBytesMax = 256;

/// Maps that one query can join: its own, which is side 0, and one for each join.
inline constexpr size_t kSidesMax = 8;

/// What a query looks at in a record: its key, or a place in its value. `{Value, {"address",
/// "city"}}` is `address.city`; a step into an array is a decimal index; no steps are the whole
/// value. A place that a record does not have is *missing*, which is not the same as nil.
struct Attribute {
  enum class Source : uint8_t {
    Value = 0,
    Key = 1,  ///< The record's key: as text if it is UTF-8, else as binary. Has no steps.
  };

  Source source = Source::Value;
  std::vector<std::string> steps;
  /// In a query with joins, whose record: 0 is the query's own map, 1 that of the first join.
  uint8_t side = 0;

  friend bool operator==(const Attribute&, const Attribute&) = default;
};

/// A place in the value, `field("address", "city")`.
template <typename... Steps>
Attribute field(Steps... steps) {
  return {Attribute::Source::Value, {std::string(steps)...}, 0};
}

inline Attribute record_key() { return {Attribute::Source::Key, {}, 0}; }

/// The same attribute of another side.
inline Attribute on_side(uint8_t side, Attribute attribute) {
  attribute.side = side;
  return attribute;
}

/// The source (2 more for a side other than 0, which follows as u8), then the steps as blobs.
void write_attribute(ByteWriter& out, const Attribute& attribute);

/// Reads what `write_attribute` wrote; on bad input the reader fails and the result means nothing.
Attribute read_attribute(ByteReader& in);

/// For people, as in explain: `address.city`, `$key`, `$value`, and `1:name` for one of side 1.
std::string attribute_text(const Attribute& attribute);

}  // namespace topgun::query
