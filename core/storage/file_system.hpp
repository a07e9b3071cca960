#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/base/bytes.hpp"
#include "core/base/result.hpp"

/// The files that storage works on, as a port: the product plugs in the operating system's, the
/// simulator a virtual disk. What holds of a disk holds here, and nothing more: bytes written are
/// read back at once, but a loss of power may take them until `File::sync` succeeded, and a name
/// that was made, changed or removed until `FileSystem::sync_directory` did.
namespace topgun::storage {

/// An open file, closed at the end of its life. One thread at a time uses a file.
///
/// Errors, of every call: `StorageFull` where the device has no room, else `StorageIo`. After a
/// failed write any part of the bytes may have arrived; after a failed sync nobody knows what is on
/// the disk, and a second sync that succeeds proves nothing.
class File {
 public:
  virtual ~File() = default;

  virtual Result<uint64_t> size() = 0;

  /// Reads into `out` from `offset` on; the number of bytes read is smaller at the end of the file
  /// only.
  virtual Result<uint64_t> read(uint64_t offset, std::span<uint8_t> out) = 0;

  /// Writes all of `data`, and makes the file larger where that is needed.
  virtual Result<void> write(uint64_t offset, ByteView data) = 0;

  /// Cuts the file to `bytes` or fills it up with zeros.
  virtual Result<void> truncate(uint64_t bytes) = 0;

  /// Makes sure that there is room for the first `bytes` bytes; the file is as long at least. What
  /// was there stays.
  virtual Result<void> allocate(uint64_t bytes) = 0;

  /// What was written is on stable storage, with the size and all else needed to read it back. The
  /// file's name is not.
  virtual Result<void> sync() = 0;
};

/// Keeps others out of what it was taken for, until the end of its life or of the process.
class FileLock {
 public:
  virtual ~FileLock() = default;
};

/// Paths are UTF-8, with `/` between directory and name. Methods may be called from any thread.
/// Errors as with `File`; a file that is missing is `StorageIo`.
class FileSystem {
 public:
  enum class OpenMode : uint8_t {
    Read,       ///< An existing file, to read.
    Write,      ///< An existing file, to read and write.
    Create,     ///< To read and write; made if it is missing.
    CreateNew,  ///< To read and write; an error if it exists.
    Replace,    ///< To read and write; made, or emptied.
  };

  virtual ~FileSystem() = default;

  virtual Result<std::unique_ptr<File>> open(const std::string& path, OpenMode mode) = 0;

  /// Whether a file or directory has this name.
  virtual Result<bool> exists(const std::string& path) = 0;

  /// Names of the entries of a directory, ascending, without "." and "..".
  virtual Result<std::vector<std::string>> list(const std::string& directory) = 0;

  /// Gives a file another name in the same directory, at once and whole; a file that had the name
  /// is gone.
  virtual Result<void> rename(const std::string& from, const std::string& to) = 0;

  virtual Result<void> remove(const std::string& path) = 0;

  /// The names in a directory are on stable storage.
  virtual Result<void> sync_directory(const std::string& directory) = 0;

  /// Makes the directory, and its parents, where they are missing; their names are durable.
  virtual Result<void> make_directories(const std::string& directory) = 0;

  /// Takes the lock of the file `path`, which is made if it is missing. `StorageIo` if another
  /// process, or another lock of this one, holds it.
  virtual Result<std::unique_ptr<FileLock>> lock(const std::string& path) = 0;
};

/// The whole content of a file.
Result<Bytes> read_file(FileSystem& files, const std::string& path);

/// Writes the new file `path` and syncs it; its name is not durable yet. An error if it exists.
Result<void> write_new_file(FileSystem& files, const std::string& path, ByteView content);

}  // namespace topgun::storage
