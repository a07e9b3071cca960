#pragma once

#include "core/query/predicate.hpp"

namespace topgun::query {

/// The same condition in its normal form: predicates that say the same in different words mostly
/// become equal, and what an index can answer stands in the open.
///
/// - `Not` only in front of tests; no `And` within `And`, no `Or` within `Or`, none with one child
/// - within an `And`, one `In` and one `Range` an attribute at most, whatever they were made of;
///   within an `Or`, one `In` an attribute
/// - operands ascend, each once, in the form that stands for all equal ones (1 for 1n, 0 for -0)
/// - what can never hold is `False`, what always holds is `True`; neither stands beside others
/// - children ascend by their encoding, each once
///
/// Valid predicates only. O(nodes * log nodes + operands * log operands).
Predicate normalize(const Predicate& predicate);

}  // namespace topgun::query
