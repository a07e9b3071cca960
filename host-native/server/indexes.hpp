#pragma once

#include <span>
#include <string>
#include <vector>

#include "core/node/shard.hpp"

namespace topgun::host {

/// Reads indexes written as `MAP:[KIND:]FIELDS`. Returns what is wrong with them; empty if nothing
/// is.
std::string parse_indexes(std::span<const std::string> texts,
                          std::vector<node::NodeIndex>& indexes);

}  // namespace topgun::host
