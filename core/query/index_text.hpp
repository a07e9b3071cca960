#pragma once

#include "core/query/index.hpp"

namespace topgun::query {

/// An index as people write it in a configuration: `[KIND:]FIELD[,FIELD]...`, with a `-` before a
/// field that descends. The kind is `ordered` unless it is said: `hash`, `unique`, `elements` or
/// `presence`. A field within others is `address.city`, the record's key `$key`. It is called by
/// its text, as indexes that clients declare.
///
/// `InvalidArgument` if it is not of that form, or names no index that there can be.
Result<IndexDefinition> index_from_text(std::string_view text);

}  // namespace topgun::query
