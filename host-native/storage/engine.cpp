#include "host-native/storage/engine.hpp"

#include "host-native/storage/checkpoint_thread.hpp"
#include "host-native/storage/log_thread.hpp"
#include "host-native/storage/monotonic_clock.hpp"
#include "host-native/storage/opened_storage.hpp"

namespace topgun::host {
namespace {

/// The parts of storage, each driven by a thread of its own.
class ThreadedEngine final : public StorageEngine {
 public:
  explicit ThreadedEngine(OpenedStorage opened) : storage_(std::move(opened)) {}
  ~ThreadedEngine() override { close(); }

  const RecoveryReport& recovery() const override { return storage_.recovery(); }

  void start(Callbacks callbacks, uint16_t shard_count) override {
    storage_.start(std::move(callbacks), shard_count, monotonic_ms());
    log_ = std::make_unique<LogThread>(storage_.log());
    checkpoint_ = std::make_unique<CheckpointThread>(storage_.checkpointer(), storage_.files());
  }

  void append(uint16_t shard, node::Effects::LogAppend append) override {
    log_->append(shard, std::move(append));
  }
  void checkpoint(uint16_t shard, node::CheckpointChunk chunk) override {
    checkpoint_->take(shard, std::move(chunk));
  }
  uint64_t checkpoint_backlog_bytes() const override {
    return storage_.checkpointer().backlog_bytes();
  }

  Result<void> backup(const std::string& directory) override {
    return checkpoint_->backup(directory);
  }

  void close() override {
    if (log_) log_->close();
    if (checkpoint_) checkpoint_->close();
  }

 private:
  OpenedStorage storage_;
  std::unique_ptr<LogThread> log_;
  std::unique_ptr<CheckpointThread> checkpoint_;
};

}  // namespace

Result<std::unique_ptr<StorageEngine>> open_engine(const StorageEngine::Options& options,
                                                   uint64_t incarnation,
                                                   const StorageEngine::Recover& recover,
                                                   const DataEnvironment& environment) {
  const uint64_t start_ms = monotonic_ms();
  Result<OpenedStorage> opened = OpenedStorage::open(environment, options, incarnation, recover);
  if (!opened.ok()) return opened.error();
  opened->set_recovery_ms(monotonic_ms() - start_ms);
  return std::unique_ptr<StorageEngine>(std::make_unique<ThreadedEngine>(std::move(*opened)));
}

}  // namespace topgun::host
