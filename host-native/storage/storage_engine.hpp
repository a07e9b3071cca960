#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.hpp"
#include "core/node/effects.hpp"
#include "core/node/shard.hpp"

namespace topgun::host {

/// Durable storage of one node: the group-committed operation log, which is the database, and
/// SQLite as its checkpoint. All methods may be called from any shard thread; nothing here blocks
/// on a disk except `open`, `start`, `backup` and `close`. Log and database work happen on two
/// helper threads of the engine.
class StorageEngine {
 public:
  struct Options {
    std::string directory;
    uint64_t segment_bytes = 64ull << 20;
    uint64_t checkpoint_interval_ms = 5'000;
    /// Receives one line for every finding worth a log line: where damage lies, why a file cannot
    /// be used. Called from `open` and from the helper threads; may be empty.
    std::function<void(std::string_view line)> report = {};
  };

  struct Callbacks {
    /// Called on the log thread: entries of `shard` up to `sequence` are fsynced.
    std::function<void(uint16_t shard, uint64_t sequence)> durable;
    /// Called on a helper thread when the log stops (`StorageFull`, `StorageIo`) or works again.
    std::function<void(Error error)> failed;
    std::function<void()> recovered;
    /// Called on the checkpoint thread: a checkpoint chunk of every shard is wanted; each shard
    /// answers with `checkpoint`, chunk by chunk until its last.
    std::function<void()> checkpoint_wanted;
  };

  /// Called during `open`, in order: first every record batch of the checkpoint, as kind
  /// `Checkpoint`, then every log entry after it.
  using Recover = std::function<Result<void>(node::LogEntryKind kind, ByteView payload)>;

  /// What recovery found, for the log line at the start.
  struct RecoveryReport {
    uint64_t checkpoint_records = 0;
    uint64_t log_entries = 0;
    uint64_t log_bytes = 0;
    uint64_t torn_bytes = 0;
    uint64_t duration_ms = 0;
  };

  /// Opens or creates the directory and recovers from it. `StorageCorrupt` if the log is damaged
  /// before its end; nothing is changed then. `incarnation` is random and new; it marks the entries
  /// written from now on.
  static Result<std::unique_ptr<StorageEngine>> open(const Options& options, uint64_t incarnation,
                                                     const Recover& recover);

  virtual ~StorageEngine() = default;

  virtual const RecoveryReport& recovery() const = 0;

  /// Makes the recovered log durable and starts the helper threads; call once, before the first
  /// `append`. Log written before this start is recycled once a checkpoint of each of the
  /// `shard_count` shards has covered it, so the number must be the true one.
  virtual void start(Callbacks callbacks, uint16_t shard_count) = 0;

  /// Takes over the entries of one turn of `shard`. Never blocks.
  virtual void append(uint16_t shard, node::Effects::LogAppend append) = 0;

  /// Takes over a chunk of the running checkpoint of `shard`.
  virtual void checkpoint(uint16_t shard, node::CheckpointChunk chunk) = 0;

  /// Bytes of checkpoint chunks taken over and not yet written. A host that finds many (some tens
  /// of MiB) lets its shards pause with the next chunk.
  virtual uint64_t checkpoint_backlog_bytes() const = 0;

  /// Writes a consistent copy of everything that is durable at the time of the call into
  /// `directory`, while the node goes on. Blocks the caller (an admin thread), not the shards.
  virtual Result<void> backup(const std::string& directory) = 0;

  /// Syncs what was appended, ends the threads. Idempotent.
  virtual void close() = 0;
};

}  // namespace topgun::host
