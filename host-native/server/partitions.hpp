#pragma once

#include <span>
#include <string>
#include <vector>

#include "core/value/partition_key.hpp"

namespace topgun::host {

/// Reads partition keys written as `MAP=FIELD[SEPARATOR]`. Returns what is wrong with them; empty
/// if nothing is.
std::string parse_partitions(std::span<const std::string> texts, std::vector<PartitionKey>& keys);

}  // namespace topgun::host
