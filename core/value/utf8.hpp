#pragma once

#include "core/base/bytes.hpp"

namespace topgun {

/// Whether `text` is well-formed UTF-8 (Unicode 15, table 3-7): no overlong forms, no surrogates,
/// nothing above U+10FFFF. O(size); about eight bytes a cycle where it is ASCII, which is nearly
/// everywhere.
bool is_utf8(ByteView text);

}  // namespace topgun
