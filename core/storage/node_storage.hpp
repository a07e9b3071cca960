#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "core/base/result.hpp"
#include "core/node/effects.hpp"
#include "core/node/shard.hpp"
#include "core/storage/file_system.hpp"

/// What a node and its storage say to each other, whoever drives the storage: threads in the server
/// (`host::StorageEngine`), the scheduler in the simulator (`SteppedStorage`).
namespace topgun::storage {

struct StorageOptions {
  std::string directory;
  uint64_t segment_bytes = 64ull << 20;
  uint64_t checkpoint_interval_ms = 5'000;
  /// Receives one line for every finding worth a log line: where damage lies, why a file cannot
  /// be used. Called from `open` and while storage works; may be empty.
  std::function<void(std::string_view line)> report = {};
};

/// Called by the one who drives the storage, so on its helper threads where it has some. Each may
/// be empty.
struct StorageCallbacks {
  /// Entries of `shard` up to `sequence` are fsynced.
  std::function<void(uint16_t shard, uint64_t sequence)> durable;
  /// The log stopped (`StorageFull`, `StorageIo`), or works again.
  std::function<void(Error error)> failed;
  std::function<void()> recovered;
  /// A checkpoint chunk of every shard is wanted; each shard answers with `checkpoint`, chunk by
  /// chunk until its last.
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

/// The durable storage of one node, without threads and clocks of its own: it does one piece of
/// work when it is told to, with the time that comes in. The two tasks are those that the server
/// runs on two threads, with the same code; whoever drives them chooses which goes on, and so tries
/// every order of their steps. Not thread-safe.
class SteppedStorage {
 public:
  enum class Task : uint8_t {
    Log,         ///< Opens segments, writes blocks, syncs them.
    Checkpoint,  ///< Writes chunks to the database, makes it durable, recycles segments.
  };
  static constexpr uint64_t kNever = UINT64_MAX;

  virtual ~SteppedStorage() = default;

  virtual const RecoveryReport& recovery() const = 0;

  /// As `host::StorageEngine::start`: makes the recovered log durable before it returns (with a
  /// disk that refuses, it calls `failed`). Call once, before the first `append`.
  virtual void start(StorageCallbacks callbacks, uint16_t shard_count, uint64_t now_ms) = 0;

  /// Takes over the entries of one turn of `shard`.
  virtual void append(uint16_t shard, node::Effects::LogAppend append) = 0;

  /// Takes over a chunk of the running checkpoint of `shard`.
  virtual void checkpoint(uint16_t shard, node::CheckpointChunk chunk) = 0;
  virtual uint64_t checkpoint_backlog_bytes() const = 0;

  /// When `task` wants its next step: in the past or now if it has work, `kNever` if it waits for
  /// an event. Ask again after every call. O(1).
  virtual uint64_t due_ms(Task task) const = 0;

  /// One piece of work: one write, one sync, one transaction... Does nothing if none is due at
  /// `now_ms` (monotonic time of the node).
  virtual void step(Task task, uint64_t now_ms) = 0;

  /// A clean stop: syncs what was appended, folds the database. A crash is to stop the disk first
  /// and then to destroy this.
  virtual void close(uint64_t now_ms) = 0;
};

/// What `SteppedStorage` needs besides the files, so that it asks no clock and no random device.
struct StorageSources {
  /// Draws for what must differ from run to run: the log's id, SQLite's salts.
  std::function<uint64_t()> random;
  /// Milliseconds since 1970, for SQLite's CURRENT_TIME, which our schema does not use.
  std::function<uint64_t()> wall_ms;
};

/// Opens or creates the data directory in `files`, which is borrowed, and recovers from it; errors
/// as `host::StorageEngine::open`. The simulator knows storage by this type only and its program
/// plugs in `host::open_stepped_engine`.
using OpenStorage = std::function<Result<std::unique_ptr<SteppedStorage>>(
    FileSystem& files, const StorageSources& sources, const StorageOptions& options,
    uint64_t incarnation, const Recover& recover)>;

}  // namespace topgun::storage
