#pragma once

#include <string_view>

#include "core/value/value_writer.hpp"

namespace topgun::query {

/// Encoded values, as predicates take their operands.
inline Bytes text(std::string_view value) {
  Bytes out;
  ValueWriter(out).text(value);
  return out;
}

inline Bytes number(double value) {
  Bytes out;
  ValueWriter(out).number(value);
  return out;
}

}  // namespace topgun::query
