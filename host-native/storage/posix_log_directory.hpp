#pragma once

#include <mutex>
#include <string>

#include "host-native/storage/log_directory.hpp"

namespace topgun::host {

/// The segments of a log as files of one directory: `<20 digits>.log`, and `spare-<n>` for files
/// that wait to become one.
class PosixLogDirectory final : public LogDirectory {
 public:
  /// Makes the directory if it is missing.
  static Result<std::unique_ptr<PosixLogDirectory>> open(const std::string& path);

  Result<std::vector<uint64_t>> segments() override;
  Result<Bytes> read(uint64_t segment) override;
  Result<std::unique_ptr<LogFile>> create(const storage::SegmentHeader& header,
                                          uint64_t bytes) override;
  Result<void> truncate(uint64_t segment, uint64_t bytes) override;
  Result<void> retire(const std::vector<uint64_t>& segments) override;
  Result<void> prepare_spare(uint64_t bytes) override;

  /// File name of a segment, without the directory.
  static std::string segment_name(uint64_t segment);

 private:
  struct Spare {
    std::string path;
    uint64_t bytes = 0;
  };

  explicit PosixLogDirectory(std::string path) : path_(std::move(path)) {}
  Result<void> find_spares();
  std::string segment_path(uint64_t segment) const { return path_ + "/" + segment_name(segment); }
  std::string next_spare_path();
  /// A spare of at least `bytes`, or an empty path.
  std::string take_spare(uint64_t bytes);
  Result<std::string> allocate(uint64_t bytes);

  const std::string path_;
  std::mutex mutex_;  // Guards the spares: log and checkpoint thread both deal with them.
  std::vector<Spare> spares_;
  uint64_t next_spare_ = 0;
};

}  // namespace topgun::host
