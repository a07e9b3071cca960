#include "host-native/storage/checkpoint_thread.hpp"

#include "host-native/storage/monotonic_clock.hpp"

namespace topgun::host {

CheckpointThread::CheckpointThread(Checkpointer& checkpointer, storage::FileSystem& files)
    : checkpointer_(checkpointer), files_(files) {
  thread_ = std::thread([this] { run(); });
}

void CheckpointThread::take(uint16_t shard, node::CheckpointChunk chunk) {
  checkpointer_.take(shard, std::move(chunk));
  // Empty, but it keeps the thread from missing the call between looking and waiting.
  { const std::lock_guard lock(mutex_); }
  wake_.notify_one();
}

Result<void> CheckpointThread::backup(const std::string& directory) {
  std::future<Result<void>> done;
  {
    const std::lock_guard lock(mutex_);
    if (closing_) return Error::Closed;
    backups_.push_back({directory, {}});
    done = backups_.back().done.get_future();
  }
  wake_.notify_one();
  return done.get();
}

void CheckpointThread::close() {
  {
    const std::lock_guard lock(mutex_);
    closing_ = true;
  }
  wake_.notify_one();
  if (thread_.joinable()) thread_.join();
}

void CheckpointThread::run() {
  while (wait()) {
    for (uint64_t now = monotonic_ms(); checkpointer_.due_ms() <= now; now = monotonic_ms()) {
      checkpointer_.step(now);
    }
    do_backups();
  }
  checkpointer_.finish(monotonic_ms());
  do_backups();
}

bool CheckpointThread::wait() {
  const uint64_t due_ms = checkpointer_.due_ms();
  std::unique_lock lock(mutex_);
  wake_.wait_until(lock, monotonic_time(due_ms),
                   [this] { return closing_ || !backups_.empty() || checkpointer_.has_chunks(); });
  return !closing_;
}

void CheckpointThread::do_backups() {
  std::vector<Backup> backups;
  {
    const std::lock_guard lock(mutex_);
    backups.swap(backups_);
  }
  for (Backup& each : backups) {
    each.done.set_value(checkpointer_.backup(files_, each.directory));
  }
}

}  // namespace topgun::host
