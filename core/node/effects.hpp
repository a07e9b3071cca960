#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "core/base/bytes.hpp"
#include "core/base/error.hpp"

namespace topgun::node {

/// Names one connection of one shard; chosen by the host and never reused while the node runs.
struct ConnectionId {
  uint64_t value = 0;
  friend constexpr auto operator<=>(ConnectionId, ConnectionId) = default;
};

/// Immutable bytes that several connections and threads may hold: a fan-out frame is built once.
using SharedBytes = std::shared_ptr<const Bytes>;

/// What one shard tells another; made and read by the core only. `payload` is shared, so that a
/// message may be posted to several shards without a copy.
struct ShardMessage {
  uint16_t from = 0;
  uint8_t kind = 0;
  /// The meaning of the four numbers depends on `kind`; see `shard_messages.hpp`.
  uint64_t numbers[4] = {0, 0, 0, 0};
  SharedBytes payload;
};

/// Kinds of entry in the node's log. The numbers are stored; they never change.
enum class LogEntryKind : uint8_t {
  Operations = 1,  ///< An operation batch (docs/protocol.md).
  Records = 2,     ///< A record batch.
  Horizon = 3,     ///< u64: tombstones stamped before this many milliseconds are collected.
  /// A record batch of a checkpoint. Never in a log: recovery hands it to the shards before the
  /// log's entries, and it need not be checkpointed again.
  Checkpoint = 4,
};

/// What a shard wants done after it was stepped. The host takes the vectors, in this order: the log
/// first, then posts, sends, closes and answers. Owns its bytes.
struct Effects {
  struct Send {
    ConnectionId connection;
    SharedBytes frame;
  };
  struct Post {
    uint16_t shard;
    ShardMessage message;
  };
  struct Close {
    ConnectionId connection;
    Error reason;
  };
  /// The exchange is over: the frames that were sent to it, in order, are the whole answer.
  struct Answer {
    ConnectionId exchange;
    /// It was refused, which the last message of the answer says as well; nothing otherwise.
    std::optional<Error> error;
  };
  /// The entries of one turn for the node's log, back to back:
  /// `entry := u32 size of the payload, u8 kind, payload`. Sequences count entries of this shard in
  /// this incarnation, from 1 and without gaps. Empty when `entries` is empty.
  struct LogAppend {
    uint64_t first_sequence = 0;
    uint64_t last_sequence = 0;
    Bytes entries;
  };

  LogAppend log;
  std::vector<Post> posts;
  std::vector<Send> sends;
  std::vector<Close> closes;
  std::vector<Answer> answers;
};

}  // namespace topgun::node
