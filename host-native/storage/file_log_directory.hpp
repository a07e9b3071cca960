#pragma once

#include <mutex>
#include <string>

#include "core/storage/file_system.hpp"
#include "host-native/storage/log_directory.hpp"

namespace topgun::host {

/// The segments of a log as files of one directory: `<20 digits>.log`, and `spare-<n>` for files
/// that wait to become one.
class FileLogDirectory final : public LogDirectory {
 public:
  /// Makes the directory if it is missing. `files` is borrowed.
  static Result<std::unique_ptr<FileLogDirectory>> open(storage::FileSystem& files,
                                                        const std::string& path);

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

  FileLogDirectory(storage::FileSystem& files, std::string path)
      : files_(files), path_(std::move(path)) {}
  Result<void> find_spares();
  std::string segment_path(uint64_t segment) const { return path_ + "/" + segment_name(segment); }
  Result<uint64_t> size_of(const std::string& path);
  Result<void> retire_one(const std::string& path);
  std::string next_spare_path();
  /// A spare of at least `bytes`, or an empty path.
  std::string take_spare(uint64_t bytes);
  Result<std::string> allocate(uint64_t bytes);
  Result<std::unique_ptr<storage::File>> name_segment(const std::string& spare,
                                                      const storage::SegmentHeader& header);
  Result<void> fill(const std::string& path, uint64_t bytes);

  storage::FileSystem& files_;
  const std::string path_;
  std::mutex mutex_;  // Guards the spares: log and checkpoint task both deal with them.
  std::vector<Spare> spares_;
  uint64_t next_spare_ = 0;
};

}  // namespace topgun::host
