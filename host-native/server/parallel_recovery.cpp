#include "host-native/server/parallel_recovery.hpp"

#include <algorithm>

namespace topgun::host {

namespace {

constexpr size_t kChunkBytes = 1 << 20;
/// Chunks that may wait for the slowest shard.
constexpr size_t kQueueMax = 8;

}  // namespace

ParallelRecovery::ParallelRecovery(std::vector<node::Shard*> shards) {
  workers_.resize(shards.size());
  for (size_t i = 0; i < shards.size(); ++i) workers_[i].shard = shards[i];
  if (shards.size() == 1) return;
  for (Worker& worker : workers_) worker.thread = std::thread([this, &worker] { work(worker); });
}

ParallelRecovery::~ParallelRecovery() { (void)finish().ok(); }

Result<void> ParallelRecovery::feed(node::LogEntryKind kind, ByteView payload) {
  if (workers_.size() == 1) return workers_[0].shard->recover(kind, payload);
  filling_->entries.push_back({kind, filling_->bytes.size(), payload.size()});
  filling_->bytes.insert(filling_->bytes.end(), payload.begin(), payload.end());
  if (filling_->bytes.size() >= kChunkBytes) hand_out();
  const std::lock_guard lock(mutex_);
  if (failure_) return *failure_;
  return {};
}

void ParallelRecovery::hand_out() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] {
    return std::all_of(workers_.begin(), workers_.end(),
                       [](const Worker& worker) { return worker.queue.size() < kQueueMax; });
  });
  for (Worker& worker : workers_) worker.queue.push_back(filling_);
  filling_ = std::make_shared<Chunk>();
  changed_.notify_all();
}

Result<void> ParallelRecovery::finish() {
  if (workers_.size() > 1 && !ended_) {
    hand_out();
    {
      const std::lock_guard lock(mutex_);
      ended_ = true;
    }
    changed_.notify_all();
    for (Worker& worker : workers_) worker.thread.join();
  }
  if (failure_) return *failure_;
  return {};
}

void ParallelRecovery::work(Worker& worker) {
  while (true) {
    std::shared_ptr<const Chunk> chunk;
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this, &worker] { return ended_ || !worker.queue.empty(); });
      if (worker.queue.empty()) return;
      chunk = worker.queue.front();
    }
    Result<void> done;
    for (const Entry& entry : chunk->entries) {
      done = worker.shard->recover(entry.kind,
                                   ByteView(chunk->bytes).subspan(entry.offset, entry.size));
      if (!done.ok()) break;
    }
    const std::lock_guard lock(mutex_);
    worker.queue.pop_front();
    if (!done.ok() && !failure_) failure_ = done.error();
    changed_.notify_all();
  }
}

}  // namespace topgun::host
