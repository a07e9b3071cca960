#pragma once

#include "core/base/gen.hpp"

namespace topgun {

/// The encoding of a value, up to four containers deep and by preference close to where the rules
/// change: powers of two, empty and equal things. Valid, but in about half of the places not
/// canonical: longer heads than needed, integral floats, keys in any order.
Bytes random_value(Gen& gen);

}  // namespace topgun
