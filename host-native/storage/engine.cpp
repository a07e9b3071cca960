#include "host-native/storage/engine.hpp"

#include "host-native/storage/checkpoint_thread.hpp"
#include "host-native/storage/directory_lock.hpp"
#include "host-native/storage/log_thread.hpp"

namespace topgun::host {
namespace {

/// Ties the two threads together; everything happens in them.
class DiskEngine final : public StorageEngine {
 public:
  DiskEngine(const Options& options, uint64_t incarnation, DirectoryLock lock, DataDirectory data)
      : options_(options),
        incarnation_(incarnation),
        lock_(std::move(lock)),
        data_(std::move(data)) {}
  ~DiskEngine() override { close(); }

  const RecoveryReport& recovery() const override { return data_.report; }

  void start(Callbacks callbacks, uint16_t shard_count) override {
    TG_ASSERT(!log_);
    TG_ASSERT(shard_count > 0);
    callbacks_ = std::move(callbacks);
    log_ = std::make_unique<LogThread>(
        *data_.log,
        storage::LogWriter::Options{.log_id = data_.log_id,
                                    .incarnation = incarnation_,
                                    .segment_bytes = options_.segment_bytes},
        std::move(data_.end), data_.tail, std::move(data_.retention), callbacks_);
    checkpoint_ = std::make_unique<CheckpointThread>(
        *data_.checkpoint, *data_.log, *log_,
        CheckpointThread::Options{.incarnation = incarnation_,
                                  .shard_count = shard_count,
                                  .segment_bytes = options_.segment_bytes,
                                  .interval_ms = options_.checkpoint_interval_ms,
                                  .is_dirty = data_.report.log_entries > 0},
        callbacks_, options_.report);
  }

  void append(uint16_t shard, node::Effects::LogAppend append) override {
    log_->append(shard, std::move(append));
  }
  void checkpoint(uint16_t shard, node::CheckpointChunk chunk) override {
    checkpoint_->take(shard, std::move(chunk));
  }
  uint64_t checkpoint_backlog_bytes() const override { return checkpoint_->backlog_bytes(); }

  Result<void> backup(const std::string& directory) override {
    return checkpoint_->backup(directory);
  }

  void close() override {
    if (log_) log_->close();
    if (checkpoint_) checkpoint_->close();
  }

 private:
  const Options options_;
  const uint64_t incarnation_;
  DirectoryLock lock_;
  DataDirectory data_;
  Callbacks callbacks_;
  std::unique_ptr<LogThread> log_;
  std::unique_ptr<CheckpointThread> checkpoint_;
};

}  // namespace

Result<std::unique_ptr<StorageEngine>> open_engine(const StorageEngine::Options& options,
                                                   uint64_t incarnation,
                                                   const StorageEngine::Recover& recover,
                                                   const OpenLogDirectory& open_log) {
  const bool is_segment_sound = options.segment_bytes >= storage::kSegmentBytesMin &&
                                options.segment_bytes <= storage::kSegmentBytesMax &&
                                options.segment_bytes % storage::kLogPageBytes == 0;
  if (!is_segment_sound || options.checkpoint_interval_ms == 0) return Error::InvalidArgument;
  Result<DirectoryLock> lock = DirectoryLock::acquire(options.directory);
  if (!lock.ok()) {
    if (options.report) {
      options.report("cannot lock " + options.directory + ": it cannot be written, or another " +
                     "server uses it");
    }
    return lock.error();
  }
  Result<DataDirectory> data = read_data_directory(options.directory, CheckpointStore::Mode::Work,
                                                   open_log, recover, options.report);
  if (!data.ok()) return data.error();
  return std::unique_ptr<StorageEngine>(
      std::make_unique<DiskEngine>(options, incarnation, std::move(*lock), std::move(*data)));
}

}  // namespace topgun::host
