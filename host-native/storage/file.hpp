#pragma once

#include <string>

#include "core/base/bytes.hpp"
#include "core/base/result.hpp"

/// Thin wrappers over the POSIX file calls that storage needs: they loop over partial transfers and
/// EINTR, and turn errno into an `Error`.
namespace topgun::host {

/// `StorageFull` for ENOSPC and EDQUOT, `StorageIo` for everything else.
Error error_of_errno(int error_number);

/// An open file descriptor, closed at the end of its life.
class File {
 public:
  File() = default;
  explicit File(int descriptor) : descriptor_(descriptor) {}
  ~File();
  File(File&& other) noexcept : descriptor_(other.release()) {}
  File& operator=(File&& other) noexcept;
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  /// `open(2)` with O_CLOEXEC.
  static Result<File> open(const std::string& path, int flags, unsigned mode = 0644);

  int descriptor() const { return descriptor_; }
  bool is_open() const { return descriptor_ >= 0; }
  void close();

  Result<uint64_t> size() const;
  Result<void> write_all(uint64_t offset, ByteView data) const;
  /// Reads to the end of the file.
  Result<Bytes> read_all() const;
  /// `fdatasync`: the data and what is needed to read it back.
  Result<void> sync_data() const;
  /// `fsync`; for directories too.
  Result<void> sync() const;

 private:
  int release();
  int descriptor_ = -1;
};

/// Syncs the directory itself: the names in it.
Result<void> sync_directory(const std::string& path);

/// Makes the directory, and its parents, if they are missing; their names are durable.
Result<void> make_directories(const std::string& path);

/// Copies at most `bytes_max` bytes of `from` to the new file `to` and syncs it.
Result<void> copy_file(const std::string& from, const std::string& to,
                       uint64_t bytes_max = UINT64_MAX);

/// Names of the entries of a directory, ascending, without "." and "..".
Result<std::vector<std::string>> list_directory(const std::string& path);

}  // namespace topgun::host
