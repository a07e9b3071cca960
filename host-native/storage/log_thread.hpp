#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "core/node/effects.hpp"
#include "core/storage/log_retention.hpp"
#include "core/storage/log_writer.hpp"
#include "host-native/storage/log_directory.hpp"
#include "host-native/storage/storage_engine.hpp"

namespace topgun::host {

/// Carries out what `LogWriter` asks for, on a thread of its own: the only one that writes to the
/// log. Entries come in from the shards under a short lock.
class LogThread {
 public:
  /// `directory` is borrowed. `tail` is the end of the recovered log.
  LogThread(LogDirectory& directory, const storage::LogWriter::Options& options,
            storage::LogEnd end, storage::LogWriter::Position tail, storage::LogRetention retention,
            const StorageEngine::Callbacks& callbacks);
  ~LogThread() { close(); }

  void append(uint16_t shard, node::Effects::LogAppend append);

  /// Writes and syncs what was appended, then ends the thread. Idempotent.
  void close();

  // What the checkpoint thread needs to know; all thread-safe.

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

  void run();
  void take_inbox();
  bool wait_for_retry();
  void carry_out(const storage::LogWriter::Request& request);
  Result<void> perform(const storage::LogWriter::Request& request);
  void publish(const storage::LogWriter::Progress& progress);
  void cut_tail();
  void note_stop();

  LogDirectory& directory_;
  const storage::LogWriter::Options options_;
  const StorageEngine::Callbacks& callbacks_;

  // Touched by the thread alone.
  storage::LogWriter writer_;
  std::unique_ptr<LogFile> file_;
  std::optional<storage::LogWriter::Position> tail_to_cut_;
  bool is_stopped_ = false;
  bool is_last_attempt_ = false;

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<Append> inbox_;
  uint64_t appended_count_ = 0;
  storage::LogRetention retention_;
  storage::LogWriter::Position durable_end_;
  bool closing_ = false;

  std::thread thread_;  // Last: it starts when all else is there.
};

}  // namespace topgun::host
