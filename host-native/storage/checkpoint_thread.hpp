#pragma once

#include <condition_variable>
#include <future>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "host-native/storage/checkpointer.hpp"

namespace topgun::host {

/// Drives a `Checkpointer` on a thread of its own: the only one that touches SQLite while the node
/// runs, and the only one that gives log up; so a backup made on it sees neither change.
class CheckpointThread {
 public:
  /// Both are borrowed. Backups are written to `files`.
  CheckpointThread(Checkpointer& checkpointer, storage::FileSystem& files);
  ~CheckpointThread() { close(); }

  void take(uint16_t shard, node::CheckpointChunk chunk);
  Result<void> backup(const std::string& directory);

  /// Writes the chunks that are there, ends the thread. Idempotent.
  void close();

 private:
  struct Backup {
    std::string directory;
    std::promise<Result<void>> done;
  };

  void run();
  /// Until there is something to do; false once the thread shall end.
  bool wait();
  void do_backups();

  Checkpointer& checkpointer_;
  storage::FileSystem& files_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<Backup> backups_;
  bool closing_ = false;
  std::thread thread_;  // Last: it starts when all else is there.
};

}  // namespace topgun::host
