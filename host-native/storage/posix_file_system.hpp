#pragma once

#include "core/storage/file_system.hpp"

namespace topgun::host {

/// The files of the operating system. Without state, so one is enough for a process. Locks are
/// `flock`s, which the kernel lifts when the process ends in whatever way.
class PosixFileSystem final : public storage::FileSystem {
 public:
  Result<std::unique_ptr<storage::File>> open(const std::string& path, OpenMode mode) override;
  Result<bool> exists(const std::string& path) override;
  Result<std::vector<std::string>> list(const std::string& directory) override;
  Result<void> rename(const std::string& from, const std::string& to) override;
  Result<void> remove(const std::string& path) override;
  Result<void> sync_directory(const std::string& directory) override;
  Result<void> make_directories(const std::string& directory) override;
  Result<std::unique_ptr<storage::FileLock>> lock(const std::string& path) override;
};

}  // namespace topgun::host
