#include "host-native/storage/file.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace topgun::host {

Error error_of_errno(int error_number) {
  return error_number == ENOSPC || error_number == EDQUOT ? Error::StorageFull : Error::StorageIo;
}

File::~File() { close(); }

File& File::operator=(File&& other) noexcept {
  if (this != &other) {
    close();
    descriptor_ = other.release();
  }
  return *this;
}

int File::release() { return std::exchange(descriptor_, -1); }

void File::close() {
  if (descriptor_ >= 0) ::close(release());
}

Result<File> File::open(const std::string& path, int flags, unsigned mode) {
  int descriptor = -1;
  do {
    descriptor = ::open(path.c_str(), flags | O_CLOEXEC, static_cast<mode_t>(mode));
  } while (descriptor < 0 && errno == EINTR);
  if (descriptor < 0) return error_of_errno(errno);
  return File(descriptor);
}

Result<uint64_t> File::size() const {
  struct stat status {};
  if (::fstat(descriptor_, &status) != 0) return error_of_errno(errno);
  return static_cast<uint64_t>(status.st_size);
}

Result<void> File::write_all(uint64_t offset, ByteView data) const {
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

Result<Bytes> File::read_all() const {
  const Result<uint64_t> bytes = size();
  if (!bytes.ok()) return bytes.error();
  Bytes content(*bytes);
  size_t at = 0;
  while (at < content.size()) {
    const ssize_t got =
        ::pread(descriptor_, content.data() + at, content.size() - at, static_cast<off_t>(at));
    if (got < 0) {
      if (errno == EINTR) continue;
      return error_of_errno(errno);
    }
    if (got == 0) break;
    at += static_cast<size_t>(got);
  }
  content.resize(at);
  return content;
}

Result<void> File::sync_data() const {
  if (::fdatasync(descriptor_) != 0) return error_of_errno(errno);
  return {};
}

Result<void> File::sync() const {
  if (::fsync(descriptor_) != 0) return error_of_errno(errno);
  return {};
}

Result<void> sync_directory(const std::string& path) {
  const Result<File> directory = File::open(path, O_RDONLY | O_DIRECTORY);
  if (!directory.ok()) return directory.error();
  return directory->sync();
}

Result<void> make_directories(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) == 0) {
    return S_ISDIR(status.st_mode) ? Result<void>() : Error::StorageIo;
  }
  const size_t slash = path.find_last_of('/');
  const std::string parent = slash == std::string::npos ? "." : path.substr(0, slash);
  if (slash != std::string::npos && slash > 0) {
    if (auto made = make_directories(parent); !made.ok()) return made;
  }
  if (::mkdir(path.c_str(), 0755) != 0 && errno != EEXIST) return error_of_errno(errno);
  return sync_directory(parent.empty() ? "/" : parent);
}

Result<void> copy_file(const std::string& from, const std::string& to, uint64_t bytes_max) {
  const Result<File> source = File::open(from, O_RDONLY);
  if (!source.ok()) return source.error();
  const Result<File> target = File::open(to, O_WRONLY | O_CREAT | O_EXCL);
  if (!target.ok()) return target.error();
  Bytes buffer(1 << 20);
  uint64_t at = 0;
  while (at < bytes_max) {
    const size_t want = static_cast<size_t>(std::min<uint64_t>(buffer.size(), bytes_max - at));
    const ssize_t got = ::pread(source->descriptor(), buffer.data(), want, static_cast<off_t>(at));
    if (got < 0) {
      if (errno == EINTR) continue;
      return error_of_errno(errno);
    }
    if (got == 0) break;
    const ByteView chunk = ByteView(buffer).first(static_cast<size_t>(got));
    if (auto written = target->write_all(at, chunk); !written.ok()) return written;
    at += static_cast<uint64_t>(got);
  }
  return target->sync();
}

Result<std::vector<std::string>> list_directory(const std::string& path) {
  DIR* const directory = ::opendir(path.c_str());
  if (directory == nullptr) return error_of_errno(errno);
  std::vector<std::string> names;
  for (errno = 0; const dirent* entry = ::readdir(directory); errno = 0) {
    const std::string name = entry->d_name;
    if (name != "." && name != "..") names.push_back(name);
  }
  const int failure = errno;
  ::closedir(directory);
  if (failure != 0) return error_of_errno(failure);
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace topgun::host
