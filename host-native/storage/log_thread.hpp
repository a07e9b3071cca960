#pragma once

#include <condition_variable>
#include <mutex>
#include <thread>

#include "host-native/storage/log_pump.hpp"

namespace topgun::host {

/// Drives a `LogPump` on a thread of its own: the only one that writes to the log.
class LogThread {
 public:
  /// `pump` is borrowed and has begun.
  explicit LogThread(LogPump& pump);
  ~LogThread() { close(); }

  void append(uint16_t shard, node::Effects::LogAppend append);

  /// Writes and syncs what was appended, then ends the thread. Idempotent.
  void close();

 private:
  void run();
  /// Until there is something to do; false once the thread shall end.
  bool wait();

  LogPump& pump_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool closing_ = false;
  std::thread thread_;  // Last: it starts when all else is there.
};

}  // namespace topgun::host
