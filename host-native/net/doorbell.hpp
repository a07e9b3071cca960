#pragma once

#include <atomic>

namespace topgun::host {

/// Wakes a thread that sleeps in epoll, and costs one load while it is awake.
///
/// The owner calls `about_to_sleep`, looks for work once more, and only then waits for `fd`. A
/// sender first publishes its work and then rings. Whatever the interleaving, either the owner's
/// second look sees the work or the sender sees the owner asleep (both sides are sequentially
/// consistent).
class Doorbell {
 public:
  Doorbell();
  ~Doorbell();
  Doorbell(const Doorbell&) = delete;
  Doorbell& operator=(const Doorbell&) = delete;

  /// Readable when the bell was rung; to be watched by the owner's epoll.
  int fd() const { return fd_; }

  /// Any thread, async-signal-safe.
  void ring() {
    if (asleep_.load() && asleep_.exchange(false)) write_wake();
  }

  void about_to_sleep() { asleep_.store(true); }
  void awake() { asleep_.store(false); }
  /// Owner: clears `fd` after it turned readable.
  void silence();

 private:
  void write_wake();

  int fd_ = -1;
  std::atomic<bool> asleep_{false};
};

}  // namespace topgun::host
