#pragma once

#include <atomic>
#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "core/node/shard.hpp"
#include "core/storage/node_storage.hpp"
#include "host-native/storage/checkpoint_store.hpp"
#include "host-native/storage/log_directory.hpp"
#include "host-native/storage/log_pump.hpp"

namespace topgun::host {

/// Moves the shards' current state into the checkpoint every few seconds and then recycles the log
/// segments that nobody needs any more. The only one who touches SQLite while the node runs, and
/// the only one who gives log up.
///
/// A round: ask for chunks; write them in transactions of a few MiB, sorted; with the last chunk of
/// a shard goes its position in the log. When every shard has answered, the state of earlier runs
/// is covered too, since recovery gave it to the shards. Chunks that cannot be written are kept and
/// tried again: the shards will not send them twice.
///
/// Like `LogPump` it has no thread and no clock, and does one piece of work a step.
class Checkpointer {
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
  Checkpointer(CheckpointStore& store, LogDirectory& directory, LogPump& log,
               const Options& options, const storage::StorageCallbacks& callbacks,
               const CheckpointStore::Report& report, uint64_t now_ms);

  // By the one who drives, and by nobody else.

  /// Monotonic milliseconds at which the next step is due: 0 if there is work.
  uint64_t due_ms() const;

  /// A chunk taken in, a transaction written, the database made durable, segments recycled, a round
  /// begun or a spare prepared; nothing if nothing is due.
  void step(uint64_t now_ms);

  /// Writes what is there as far as a round is complete, and recycles.
  void finish(uint64_t now_ms);

  /// Sees the log and the checkpoint between two steps, so neither changes meanwhile.
  Result<void> backup(storage::FileSystem& files, const std::string& directory);

  // By any thread.

  void take(uint16_t shard, node::CheckpointChunk chunk);
  bool has_chunks() const;
  uint64_t backlog_bytes() const { return backlog_bytes_.load(std::memory_order_relaxed); }

 private:
  struct Chunk {
    uint16_t shard = 0;
    node::CheckpointChunk content;
  };

  bool write_wanted() const;
  bool is_round_complete() const;
  std::optional<uint64_t> segment_without_spare() const;
  bool write_step(uint64_t now_ms);
  void begin_round(uint64_t now_ms);
  void add(Chunk chunk);
  void add_one();
  void write(uint64_t now_ms);
  void finish_round();
  void make_durable();
  void retire();
  void prepare_spare(uint64_t segment, uint64_t now_ms);

  CheckpointStore& store_;
  LogDirectory& directory_;
  LogPump& log_;
  const Options options_;
  const storage::StorageCallbacks& callbacks_;
  const CheckpointStore::Report& report_;

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
  uint64_t next_round_ms_ = 0;
  uint64_t next_attempt_ms_ = 0;

  // After a round: first the checkpoint becomes durable, then the segments before `recycle_before_`
  // are given up.
  enum class Recycling : uint8_t { None, MakeDurable, Retire };
  Recycling recycling_ = Recycling::None;
  uint64_t recycle_before_ = 0;
  std::vector<uint64_t> superfluous_;

  uint64_t spare_made_in_segment_ = 0;
  uint64_t next_spare_attempt_ms_ = 0;

  std::atomic<uint64_t> backlog_bytes_{0};
  mutable std::mutex mutex_;
  std::deque<Chunk> inbox_;
};

}  // namespace topgun::host
