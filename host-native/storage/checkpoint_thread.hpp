#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "core/node/shard.hpp"
#include "host-native/storage/checkpoint_store.hpp"
#include "host-native/storage/log_directory.hpp"
#include "host-native/storage/log_thread.hpp"
#include "host-native/storage/storage_engine.hpp"

namespace topgun::host {

/// Moves the shards' current state into the checkpoint every few seconds and then recycles the log
/// segments that nobody needs any more. The only thread that touches SQLite while the node runs,
/// and the only one that gives log up; so a backup made on it sees neither change.
///
/// A round: ask for chunks; write them in transactions of a few MiB, sorted; with the last chunk of
/// a shard goes its position in the log. When every shard has answered, the state of earlier runs
/// is covered too, since recovery gave it to the shards. Chunks that cannot be written are kept and
/// tried again: the shards will not send them twice.
class CheckpointThread {
 public:
  struct Options {
    uint64_t incarnation = 0;
    uint16_t shard_count = 1;
    uint64_t segment_bytes = 0;
    uint64_t interval_ms = 0;
    /// Whether recovery replayed log, which the first round will cover.
    bool is_dirty = false;
  };

  /// Everything is borrowed.
  CheckpointThread(CheckpointStore& store, LogDirectory& directory, LogThread& log,
                   const Options& options, const StorageEngine::Callbacks& callbacks,
                   const CheckpointStore::Report& report);
  ~CheckpointThread() { close(); }

  void take(uint16_t shard, node::CheckpointChunk chunk);
  uint64_t backlog_bytes() const { return backlog_bytes_.load(std::memory_order_relaxed); }
  Result<void> backup(const std::string& directory);

  /// Writes the chunks that are there, ends the thread. Idempotent.
  void close();

 private:
  using Clock = std::chrono::steady_clock;
  struct Chunk {
    uint16_t shard = 0;
    node::CheckpointChunk content;
  };
  struct Backup {
    std::string directory;
    std::promise<Result<void>> done;
  };

  void run();
  void begin_round_if_due();
  void add(Chunk chunk);
  void write_if_due();
  void finish_round();
  void recycle(const storage::LogRetention::Start& start);
  void prepare_spare();
  void do_backups();
  Clock::duration time_to_wait() const;

  CheckpointStore& store_;
  LogDirectory& directory_;
  LogThread& log_;
  const Options options_;
  const StorageEngine::Callbacks& callbacks_;
  const CheckpointStore::Report& report_;

  // Touched by the thread alone.
  CheckpointStore::Transaction pending_;
  uint64_t pending_bytes_ = 0;
  uint64_t undurable_bytes_ = 0;
  // Purges wait for the next round. A tombstone may go only when the log no longer replays any
  // write that it overruled, and the position that comes with a purge may lie before such a write.
  std::vector<node::CheckpointChunk::Purge> purges_;
  std::vector<node::CheckpointChunk::Purge> ripe_purges_;
  bool is_round_open_ = false;
  std::vector<bool> answered_;
  uint64_t appended_before_round_ = 0;
  bool is_dirty_ = false;
  Clock::time_point next_round_;
  Clock::time_point next_attempt_;

  std::atomic<uint64_t> backlog_bytes_{0};
  std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<Chunk> inbox_;
  std::vector<Backup> backups_;
  bool closing_ = false;

  std::thread thread_;  // Last: it starts when all else is there.
};

}  // namespace topgun::host
