#pragma once

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "core/node/shard.hpp"

namespace topgun::host {

/// Feeds what storage recovers to all shards, each on a thread of its own: a shard decodes
/// everything and keeps what is its own, and reading goes on meanwhile. With a single shard nothing
/// is copied and no thread is made.
class ParallelRecovery {
 public:
  explicit ParallelRecovery(std::vector<node::Shard*> shards);
  ~ParallelRecovery();
  ParallelRecovery(const ParallelRecovery&) = delete;
  ParallelRecovery& operator=(const ParallelRecovery&) = delete;

  /// Takes one entry, in order. May wait for the slowest shard. Fails once any shard has failed.
  Result<void> feed(node::LogEntryKind kind, ByteView payload);

  /// Waits until every shard has taken everything; the first failure of any.
  Result<void> finish();

 private:
  struct Entry {
    node::LogEntryKind kind;
    size_t offset;
    size_t size;
  };
  struct Chunk {
    Bytes bytes;
    std::vector<Entry> entries;
  };
  struct Worker {
    node::Shard* shard;
    std::deque<std::shared_ptr<const Chunk>> queue;
    std::thread thread;
  };

  void hand_out();
  void work(Worker& worker);

  std::vector<Worker> workers_;
  std::shared_ptr<Chunk> filling_ = std::make_shared<Chunk>();
  std::mutex mutex_;
  std::condition_variable changed_;
  bool ended_ = false;
  std::optional<Error> failure_;
};

}  // namespace topgun::host
