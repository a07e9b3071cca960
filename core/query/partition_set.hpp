#pragma once

#include <bitset>

#include "core/query/predicate.hpp"
#include "core/value/partition_key.hpp"

namespace topgun::query {

/// Partitions of a map, one bit each.
using PartitionSet = std::bitset<kPartitionCount>;

/// The partitions that can have records of the query's own map for which the condition holds: all
/// of them unless it says something of the key or, by the map's declaration if there is one, of the
/// field that keys begin with. `=`, `in`, prefixes and ranges of keys, and what `and` and `or` make
/// of them, tell; nothing that is negated does. Which shard or node has a partition is the caller's
/// affair. A predicate in its normal form; O(operands).
PartitionSet partitions_of(const Predicate& where, const PartitionKey* declared);

}  // namespace topgun::query
