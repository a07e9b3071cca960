#pragma once

#include <optional>
#include <vector>

#include "core/base/bytes.hpp"
#include "core/node/shard.hpp"

namespace topgun::node {

/// Where an exchange goes on with a subscription that an earlier one could not finish.
struct Continuation {
  enum class Stage : uint8_t { Repair = 1, Snapshot = 2 };
  Stage stage = Stage::Repair;
  /// Node time at which the stage began. Older than the horizon, it is worth nothing.
  uint64_t started_ms = 0;
  /// Snapshot: where each shard goes on; nothing for those that are done.
  std::vector<std::optional<uint64_t>> positions;
};

/// What a client keeps for the node, so that the node need not: the versions of each shard up to
/// which it has everything, and, within an answer that was cut, how to go on. Then the versions are
/// those at the beginning of the stage, and what came later is pulled when it is over.
///
///     cursor := u64 incarnation, varint shards, shards × varint version, [stage]
///     stage  := u8 1 (repair) | 2 (snapshot), varint started ms,
///               snapshot only: shards × varint (position + 1; 0 = done)
struct Cursor {
  std::vector<uint64_t> versions;
  std::optional<Continuation> continuation;
};

Bytes encode_cursor(const Cursor& cursor, const ShardOptions& options);

/// The cursor, if it is of this incarnation and shard count; nothing for any other, whatever it
/// holds: the client is brought up to date in another way.
std::optional<Cursor> decode_cursor(ByteView bytes, const ShardOptions& options);

}  // namespace topgun::node
