#pragma once

#include <string>

#include "host-native/storage/file.hpp"

namespace topgun::host {

/// Keeps two processes from working in one data directory: an exclusive `flock` on the file `LOCK`
/// in it, which the kernel lifts when the process ends in whatever way.
class DirectoryLock {
 public:
  /// Makes the directory if it is missing. `StorageIo` if another process holds the lock.
  static Result<DirectoryLock> acquire(const std::string& directory);

 private:
  explicit DirectoryLock(File file) : file_(std::move(file)) {}
  File file_;
};

}  // namespace topgun::host
