#pragma once

#include <compare>
#include <cstdint>

namespace topgun {

/// A replica: one writer of operations (a browser profile, an edge isolate, a server process). 64
/// random bits, never zero; a replica whose storage was copied must take a new one. Also breaks
/// ties between equal hybrid logical clock readings.
struct ReplicaId {
  uint64_t value = 0;
  friend constexpr auto operator<=>(ReplicaId, ReplicaId) = default;
};

/// The identity of one operation: its author and the author's count of operations, from 1 upwards.
/// Delivery may repeat an operation; its identity makes the application of it happen once.
struct OperationId {
  ReplicaId replica;
  uint64_t sequence = 0;
  friend constexpr auto operator<=>(const OperationId&, const OperationId&) = default;
};

/// One of the 271 partitions of the key space. See `partition_of`.
struct PartitionId {
  uint16_t value = 0;
  friend constexpr auto operator<=>(PartitionId, PartitionId) = default;
};

}  // namespace topgun
