#include "host-native/storage/posix_file_system.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>

namespace topgun::host {
namespace {

Error error_of_errno(int error_number) {
  return error_number == ENOSPC || error_number == EDQUOT ? Error::StorageFull : Error::StorageIo;
}

/// The outcome of a call that answers with 0 or, after setting errno, with another number.
Result<void> outcome_of(int answer) {
  if (answer != 0) return error_of_errno(errno);
  return {};
}

/// An open descriptor, closed at the end of its life. Loops over partial transfers and EINTR.
class PosixFile final : public storage::File {
 public:
  explicit PosixFile(int descriptor) : descriptor_(descriptor) {}
  ~PosixFile() override { ::close(descriptor_); }
  PosixFile(const PosixFile&) = delete;
  PosixFile& operator=(const PosixFile&) = delete;

  int descriptor() const { return descriptor_; }

  Result<uint64_t> size() override {
    struct stat status {};
    if (::fstat(descriptor_, &status) != 0) return error_of_errno(errno);
    return static_cast<uint64_t>(status.st_size);
  }

  Result<uint64_t> read(uint64_t offset, std::span<uint8_t> out) override {
    size_t at = 0;
    while (at < out.size()) {
      const ssize_t got =
          ::pread(descriptor_, out.data() + at, out.size() - at, static_cast<off_t>(offset + at));
      if (got == 0) break;
      if (got > 0) at += static_cast<size_t>(got);
      if (got < 0 && errno != EINTR) return error_of_errno(errno);
    }
    return uint64_t{at};
  }

  Result<void> write(uint64_t offset, ByteView data) override {
    while (!data.empty()) {
      const ssize_t written =
          ::pwrite(descriptor_, data.data(), data.size(), static_cast<off_t>(offset));
      if (written < 0) {
        if (errno == EINTR) continue;
        return error_of_errno(errno);
      }
      offset += static_cast<uint64_t>(written);
      data = data.subspan(static_cast<size_t>(written));
    }
    return {};
  }

  Result<void> truncate(uint64_t bytes) override {
    return outcome_of(::ftruncate(descriptor_, static_cast<off_t>(bytes)));
  }

  Result<void> allocate(uint64_t bytes) override {
    if (bytes == 0) return {};
    const int failure = ::posix_fallocate(descriptor_, 0, static_cast<off_t>(bytes));
    if (failure != 0) return error_of_errno(failure);
    return {};
  }

  Result<void> sync() override { return outcome_of(::fdatasync(descriptor_)); }

 private:
  const int descriptor_;
};

class PosixLock final : public storage::FileLock {
 public:
  explicit PosixLock(std::unique_ptr<PosixFile> file) : file_(std::move(file)) {}

 private:
  std::unique_ptr<PosixFile> file_;
};

Result<std::unique_ptr<PosixFile>> open_descriptor(const std::string& path, int flags) {
  int descriptor = -1;
  do {
    descriptor = ::open(path.c_str(), flags | O_CLOEXEC, 0644);
  } while (descriptor < 0 && errno == EINTR);
  if (descriptor < 0) return error_of_errno(errno);
  return std::make_unique<PosixFile>(descriptor);
}

int flags_of(storage::FileSystem::OpenMode mode) {
  using enum storage::FileSystem::OpenMode;
  switch (mode) {
    case Read:
      return O_RDONLY;
    case Write:
      return O_RDWR;
    case Create:
      return O_RDWR | O_CREAT;
    case CreateNew:
      return O_RDWR | O_CREAT | O_EXCL;
    case Replace:
      return O_RDWR | O_CREAT | O_TRUNC;
  }
  return O_RDONLY;
}

}  // namespace

Result<std::unique_ptr<storage::File>> PosixFileSystem::open(const std::string& path,
                                                             OpenMode mode) {
  Result<std::unique_ptr<PosixFile>> file = open_descriptor(path, flags_of(mode));
  if (!file.ok()) return file.error();
  return std::unique_ptr<storage::File>(std::move(*file));
}

Result<bool> PosixFileSystem::exists(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) == 0) return true;
  if (errno == ENOENT || errno == ENOTDIR) return false;
  return error_of_errno(errno);
}

Result<std::vector<std::string>> PosixFileSystem::list(const std::string& directory) {
  DIR* const opened = ::opendir(directory.c_str());
  if (opened == nullptr) return error_of_errno(errno);
  std::vector<std::string> names;
  for (errno = 0; const dirent* entry = ::readdir(opened); errno = 0) {
    const std::string name = entry->d_name;
    if (name != "." && name != "..") names.push_back(name);
  }
  const int failure = errno;
  ::closedir(opened);
  if (failure != 0) return error_of_errno(failure);
  std::sort(names.begin(), names.end());
  return names;
}

Result<void> PosixFileSystem::rename(const std::string& from, const std::string& to) {
  return outcome_of(::rename(from.c_str(), to.c_str()));
}

Result<void> PosixFileSystem::remove(const std::string& path) {
  return outcome_of(::unlink(path.c_str()));
}

Result<void> PosixFileSystem::sync_directory(const std::string& directory) {
  const Result<std::unique_ptr<PosixFile>> opened =
      open_descriptor(directory, O_RDONLY | O_DIRECTORY);
  if (!opened.ok()) return opened.error();
  return outcome_of(::fsync((*opened)->descriptor()));
}

Result<void> PosixFileSystem::make_directories(const std::string& directory) {
  struct stat status {};
  if (::stat(directory.c_str(), &status) == 0) {
    return S_ISDIR(status.st_mode) ? Result<void>() : Error::StorageIo;
  }
  const size_t slash = directory.find_last_of('/');
  const std::string parent = slash == std::string::npos ? "." : directory.substr(0, slash);
  if (slash != std::string::npos && slash > 0) {
    if (auto made = make_directories(parent); !made.ok()) return made;
  }
  if (::mkdir(directory.c_str(), 0755) != 0 && errno != EEXIST) return error_of_errno(errno);
  return sync_directory(parent.empty() ? "/" : parent);
}

Result<std::unique_ptr<storage::FileLock>> PosixFileSystem::lock(const std::string& path) {
  Result<std::unique_ptr<PosixFile>> file = open_descriptor(path, O_RDWR | O_CREAT);
  if (!file.ok()) return file.error();
  if (::flock((*file)->descriptor(), LOCK_EX | LOCK_NB) != 0) return Error::StorageIo;
  return std::unique_ptr<storage::FileLock>(std::make_unique<PosixLock>(std::move(*file)));
}

}  // namespace topgun::host
