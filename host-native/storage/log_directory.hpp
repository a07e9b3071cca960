#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "core/base/bytes.hpp"
#include "core/base/result.hpp"
#include "core/storage/log_format.hpp"

namespace topgun::host {

/// One open segment of the log. The seam at which tests put failing disks.
class LogFile {
 public:
  virtual ~LogFile() = default;
  /// Writes all of `data` at `offset`. `StorageFull` if the device has no room, else `StorageIo`.
  virtual Result<void> write(uint64_t offset, ByteView data) = 0;
  /// What was written is on stable storage. After an error the file must not be used again.
  virtual Result<void> sync() = 0;
};

/// The segment files of one log. Methods may be called from any thread; no two threads name the
/// same segment at the same time.
class LogDirectory {
 public:
  virtual ~LogDirectory() = default;

  /// Numbers of the segments that exist, ascending.
  virtual Result<std::vector<uint64_t>> segments() = 0;

  /// The whole content of a segment.
  virtual Result<Bytes> read(uint64_t segment) = 0;

  /// Makes a segment of at least `bytes` bytes, preallocated, whose header and name are durable
  /// when the call returns.
  virtual Result<std::unique_ptr<LogFile>> create(const storage::SegmentHeader& header,
                                                  uint64_t bytes) = 0;

  /// Cuts a segment to `bytes`, to give back what was preallocated and not used.
  virtual Result<void> truncate(uint64_t segment, uint64_t bytes) = 0;

  /// Takes segments that are needed no more: kept for reuse or deleted.
  virtual Result<void> retire(const std::vector<uint64_t>& segments) = 0;

  /// Has a file of `bytes` bytes ready for the next `create`, written through once, so that writing
  /// to it later changes no metadata. Takes as long as the disk takes.
  virtual Result<void> prepare_spare(uint64_t bytes) = 0;
};

}  // namespace topgun::host
