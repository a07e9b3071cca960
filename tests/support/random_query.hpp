#pragma once

#include <vector>

#include "core/base/gen.hpp"
#include "core/query/predicate.hpp"

namespace topgun {

/// Records and predicates that meet: few attributes, few values, and among them those about which
/// the rules are particular (missing, nil, NaN, -0, bigints, numbers where text is expected).

/// An attribute that records of `random_record_value` often have.
query::Attribute random_attribute(Gen& gen);

/// A value that an attribute may have, or be compared with.
Bytes random_field_value(Gen& gen);

/// A record: usually a map of a few fields, sometimes something else altogether.
Bytes random_record_value(Gen& gen);

/// `depth` levels of and, or and not above the tests, at most.
query::Predicate random_predicate(Gen& gen, uint32_t depth);

}  // namespace topgun
