#pragma once

#include "core/query/predicate.hpp"

namespace topgun {

/// What `docs/queries.md` says, as plainly as it can be written down: no attribute tables, no
/// ordered keys, no normal form. The model that the engine is held against.

/// The value of an attribute of a record; nothing if it is missing.
std::optional<Bytes> model_read(const query::Attribute& attribute, ByteView key, ByteView value);

/// Order of two values as queries see it: as `compare_values`, but numbers of equal mathematical
/// value are equal. Missing is below everything.
int model_order(const std::optional<Bytes>& left, const std::optional<Bytes>& right);

bool model_matches(const query::Predicate& predicate, ByteView key, ByteView value);

}  // namespace topgun
