#pragma once

#include <memory>

#include "host-native/storage/checkpointer.hpp"
#include "host-native/storage/data_directory.hpp"
#include "host-native/storage/log_pump.hpp"

namespace topgun::host {

/// An open data directory with the two that work on it, `LogPump` and `Checkpointer`; what the
/// threads of the server and the simulator's steps have in common.
class OpenedStorage {
 public:
  /// As `StorageEngine::open`. What `environment` borrows must outlive the result.
  static Result<OpenedStorage> open(const DataEnvironment& environment,
                                    const storage::StorageOptions& options, uint64_t incarnation,
                                    const storage::Recover& recover);

  const storage::RecoveryReport& recovery() const { return state_->data.report; }
  void set_recovery_ms(uint64_t duration_ms) { state_->data.report.duration_ms = duration_ms; }

  /// Makes the recovered log durable, as `StorageEngine::start`; once.
  void start(storage::StorageCallbacks callbacks, uint16_t shard_count, uint64_t now_ms);

  // After `start`.
  LogPump& log() { return *state_->log; }
  const LogPump& log() const { return *state_->log; }
  Checkpointer& checkpointer() { return *state_->checkpointer; }
  const Checkpointer& checkpointer() const { return *state_->checkpointer; }
  storage::FileSystem& files() { return state_->files; }

 private:
  /// The parts refer to each other, so they stay where they are. The lock is first: it is given
  /// back when all else is closed.
  struct State {
    storage::FileSystem& files;
    storage::StorageOptions options;
    uint64_t incarnation = 0;
    std::unique_ptr<storage::FileLock> lock;
    DataDirectory data;
    storage::StorageCallbacks callbacks = {};
    std::unique_ptr<LogPump> log = {};
    std::unique_ptr<Checkpointer> checkpointer = {};
  };

  explicit OpenedStorage(std::unique_ptr<State> state) : state_(std::move(state)) {}
  std::unique_ptr<State> state_;
};

}  // namespace topgun::host
