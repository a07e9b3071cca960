#pragma once

#include <array>
#include <atomic>
#include <mutex>
#include <string>

#include "tests/server/powerloss/control.hpp"
#include "tests/server/powerloss/durable_image.hpp"

/// The state behind the interposed calls: which descriptors are watched, and what the test wants to
/// happen to them.
namespace topgun::powerloss {

class Shim {
 public:
  /// Null while the shim is off: without the environment, and before its constructor ran.
  static Shim* get();

  Shim(const std::string& directory, const std::string& image, Control& control);

  DurableImage& image() { return image_; }
  Control& control() { return control_; }

  /// Held around every call that matters, from the decision about it to the note of its effect. A
  /// process that ends itself keeps it for ever, so that nothing happens after the power has gone.
  std::unique_lock<std::mutex> lock() { return std::unique_lock(mutex_); }

  /// The node behind a descriptor, or null. Needs no lock: most descriptors are not watched.
  Node* watched(int fd) const;
  /// `fd` now leads to `node`, or to nothing of ours. With the lock.
  void attach(int fd, Node* node);

  /// Where a path leads: the directory that holds, or would hold, its last component; null outside
  /// the watched directory. With the lock.
  struct Place {
    NodePtr directory;
    std::string name;
  };
  Place place_of(int directory, const char* path) const;

  /// Counts a call, and ends the process if this is the place aimed at. With the lock, which is
  /// kept until `after`.
  void before(Call call, const std::string& name);
  void after();
  /// Whether the call that has begun is to be cut in its middle.
  bool is_halfway() const;
  [[noreturn]] void die();

  static bool fires(Trigger& trigger, const std::string& name);

  /// fsync and fdatasync: 0 or an errno. Takes the lock itself.
  int sync(int fd);
  /// With the lock, for O_DSYNC as well.
  int sync_locked(Node& node);

 private:
  static constexpr size_t kDescriptorsMax = 1 << 16;

  Control& control_;
  DurableImage image_;
  std::mutex mutex_;
  std::array<std::atomic<Node*>, kDescriptorsMax> descriptors_{};
  bool is_hit_ = false;  // The call that has begun is the one aimed at.
};

}  // namespace topgun::powerloss
