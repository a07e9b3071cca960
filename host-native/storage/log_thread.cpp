#include "host-native/storage/log_thread.hpp"

#include "host-native/storage/monotonic_clock.hpp"

namespace topgun::host {

LogThread::LogThread(LogPump& pump) : pump_(pump) {
  thread_ = std::thread([this] { run(); });
}

void LogThread::append(uint16_t shard, node::Effects::LogAppend append) {
  if (!pump_.append(shard, std::move(append))) return;
  // Empty, but it keeps the thread from missing the call between looking and waiting.
  { const std::lock_guard lock(mutex_); }
  wake_.notify_one();
}

void LogThread::close() {
  {
    const std::lock_guard lock(mutex_);
    closing_ = true;
  }
  wake_.notify_one();
  if (thread_.joinable()) thread_.join();
}

void LogThread::run() {
  do {
    while (pump_.due_ms() == 0) pump_.step(monotonic_ms());
  } while (wait());
  pump_.finish(monotonic_ms());
}

bool LogThread::wait() {
  const uint64_t due_ms = pump_.due_ms();
  std::unique_lock lock(mutex_);
  if (due_ms == LogPump::kNever) {
    wake_.wait(lock, [this] { return closing_ || pump_.has_entries(); });
    return !closing_;
  }
  // A stopped log: entries gather until it tries again.
  if (wake_.wait_until(lock, monotonic_time(due_ms), [this] { return closing_; })) return false;
  lock.unlock();
  pump_.step(monotonic_ms());
  return true;
}

}  // namespace topgun::host
