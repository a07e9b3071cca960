#pragma once

#include <memory>
#include <string>

#include "core/base/result.hpp"
#include "core/storage/node_storage.hpp"

namespace topgun::host {

/// Durable storage of one node: the group-committed operation log, which is the database, and
/// SQLite as its checkpoint. All methods may be called from any shard thread; nothing here blocks
/// on a disk except `open`, `start`, `backup` and `close`. Log and database work happen on two
/// helper threads of the engine, and so do the calls back.
class StorageEngine {
 public:
  using Options = storage::StorageOptions;
  using Callbacks = storage::StorageCallbacks;
  using Recover = storage::Recover;
  using RecoveryReport = storage::RecoveryReport;

  /// Opens or creates the directory and recovers from it. `StorageCorrupt` if the log is damaged
  /// before its end; nothing is changed then. `incarnation` is random and new; it marks the entries
  /// written from now on.
  static Result<std::unique_ptr<StorageEngine>> open(const Options& options, uint64_t incarnation,
                                                     const Recover& recover);

  virtual ~StorageEngine() = default;

  virtual const RecoveryReport& recovery() const = 0;

  /// Makes the recovered log durable and starts the helper threads; call once, before the first
  /// `append`. With a disk that refuses, `failed` is called before it returns. Log written before
  /// this start is recycled once a checkpoint of each of the `shard_count` shards has covered it,
  /// so the number must be the true one.
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
