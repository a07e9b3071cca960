#pragma once

#include "core/base/bytes.hpp"
#include "core/base/ids.hpp"

namespace topgun {

/// Number of partitions of the key space. Part of the contract with every client: never changes.
inline constexpr uint16_t kPartitionCount = 271;

/// FNV-1a (32 bit) over the UTF-16 code units of `key`, which is UTF-8. Code units rather than
/// bytes because TopGun 2 clients hash JavaScript strings and must route to the same partition.
/// Invalid UTF-8 counts each offending byte as U+FFFD; callers validate keys before they get here.
/// O(size).
uint32_t fnv1a_utf16(ByteView key);

/// The partition that `key` belongs to, whatever its map: `fnv1a_utf16(key) % 271`.
PartitionId partition_of(ByteView key);

}  // namespace topgun
