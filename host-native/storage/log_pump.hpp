#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "core/node/effects.hpp"
#include "core/storage/log_retention.hpp"
#include "core/storage/log_writer.hpp"
#include "core/storage/node_storage.hpp"
#include "host-native/storage/log_directory.hpp"

namespace topgun::host {

/// Carries out what `LogWriter` asks for, one operation of the disk a step. It has no thread and no
/// clock: whoever drives it (`LogThread`, the simulator) calls `step` when `due_ms` says so.
/// Entries may come in from any thread meanwhile, under a short lock.
class LogPump {
 public:
  /// `due_ms` of a pump that waits for entries.
  static constexpr uint64_t kNever = storage::SteppedStorage::kNever;

  /// `directory` and `callbacks` are borrowed. `tail` is the end of the recovered log.
  LogPump(LogDirectory& directory, const storage::LogWriter::Options& options, storage::LogEnd end,
          storage::LogWriter::Position tail, storage::LogRetention retention,
          const storage::StorageCallbacks& callbacks);

  // By the one who drives, and by nobody else.

  /// Writes the last block of the recovered log to its new segment, before anything else happens:
  /// what recovery read may so far exist in the page cache only, and a client that offers it again
  /// will be told at once that it is durable. If the disk refuses, the log is stopped.
  void begin(uint64_t now_ms);

  /// Monotonic milliseconds at which the next step is due: 0 if there is work.
  uint64_t due_ms() const;

  /// One segment opened, one block written, or one sync; nothing if nothing is due.
  void step(uint64_t now_ms);

  /// Steps until all that was appended is durable, or the disk refuses in one attempt more.
  void finish(uint64_t now_ms);

  // By any thread.

  /// True if the driver must be told: it may have seen that nothing is due.
  bool append(uint16_t shard, node::Effects::LogAppend append);
  bool has_entries() const;

  /// The end of what is durable.
  storage::LogWriter::Position durable_end() const;
  /// Grows with every append.
  uint64_t appended_count() const;
  std::optional<storage::LogRetention::Start> start(const storage::AppliedVector& applied) const;
  std::map<storage::LogStream, uint64_t> streams() const;
  std::vector<uint64_t> release_before(uint64_t segment);

 private:
  struct Append {
    uint16_t shard = 0;
    node::Effects::LogAppend entries;
  };

  void take_inbox();
  Result<void> open_segment(const storage::LogWriter::Request& request);
  void sync_block(uint64_t now_ms);
  void completed(const Result<void>& outcome, uint64_t now_ms);
  void publish(const storage::LogWriter::Progress& progress);
  void cut_tail();

  LogDirectory& directory_;
  const storage::LogWriter::Options options_;
  const storage::StorageCallbacks& callbacks_;

  storage::LogWriter writer_;
  std::unique_ptr<LogFile> file_;
  bool is_written_ = false;  // The block that is under way; its sync is next.
  std::optional<storage::LogWriter::Position> tail_to_cut_;
  bool is_stopped_ = false;  // And `failed` was called.
  uint64_t retry_ms_ = 0;

  mutable std::mutex mutex_;
  std::vector<Append> inbox_;
  uint64_t appended_count_ = 0;
  storage::LogRetention retention_;
  storage::LogWriter::Position durable_end_;
};

}  // namespace topgun::host
