#include "host-native/storage/posix_log_directory.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>

#include "host-native/storage/file.hpp"

namespace topgun::host {
namespace {

constexpr size_t kSparesMax = 2;
constexpr size_t kDigits = 20;

class PosixLogFile final : public LogFile {
 public:
  explicit PosixLogFile(File file) : file_(std::move(file)) {}
  Result<void> write(uint64_t offset, ByteView data) override {
    return file_.write_all(offset, data);
  }
  Result<void> sync() override { return file_.sync_data(); }

 private:
  File file_;
};

bool parse_segment_name(const std::string& name, uint64_t& segment) {
  if (name.size() != kDigits + 4 || name.compare(kDigits, 4, ".log") != 0) return false;
  segment = 0;
  for (size_t i = 0; i < kDigits; ++i) {
    if (name[i] < '0' || name[i] > '9') return false;
    segment = segment * 10 + static_cast<uint64_t>(name[i] - '0');
  }
  return segment > 0;
}

}  // namespace

std::string PosixLogDirectory::segment_name(uint64_t segment) {
  std::string digits = std::to_string(segment);
  return std::string(kDigits - digits.size(), '0') + digits + ".log";
}

Result<std::unique_ptr<PosixLogDirectory>> PosixLogDirectory::open(const std::string& path) {
  if (auto made = make_directories(path); !made.ok()) return made.error();
  std::unique_ptr<PosixLogDirectory> directory(new PosixLogDirectory(path));
  if (auto found = directory->find_spares(); !found.ok()) return found.error();
  return directory;
}

Result<void> PosixLogDirectory::find_spares() {
  const Result<std::vector<std::string>> names = list_directory(path_);
  if (!names.ok()) return names.error();
  for (const std::string& name : *names) {
    if (name.rfind("spare-", 0) != 0) continue;
    const std::string path = path_ + "/" + name;
    struct stat status {};
    // Half-made spares of a crash are not told from good ones, and need not be: what they hold is
    // never read, and blocks that were not allocated are allocated when they are written.
    if (spares_.size() < kSparesMax && ::stat(path.c_str(), &status) == 0) {
      spares_.push_back({path, static_cast<uint64_t>(status.st_size)});
      next_spare_ =
          std::max(next_spare_, uint64_t{std::strtoull(name.c_str() + 6, nullptr, 10)} + 1);
    } else {
      ::unlink(path.c_str());
    }
  }
  return {};
}

Result<std::vector<uint64_t>> PosixLogDirectory::segments() {
  const Result<std::vector<std::string>> names = list_directory(path_);
  if (!names.ok()) return names.error();
  std::vector<uint64_t> numbers;
  for (const std::string& name : *names) {
    uint64_t segment = 0;
    if (parse_segment_name(name, segment)) numbers.push_back(segment);
  }
  return numbers;  // Ascending: the names have leading zeros and came sorted.
}

Result<Bytes> PosixLogDirectory::read(uint64_t segment) {
  const Result<File> file = File::open(segment_path(segment), O_RDONLY);
  if (!file.ok()) return file.error();
  return file->read_all();
}

Result<std::unique_ptr<LogFile>> PosixLogDirectory::create(const storage::SegmentHeader& header,
                                                           uint64_t bytes) {
  std::string path = take_spare(bytes);
  if (path.empty()) {
    Result<std::string> allocated = allocate(bytes);
    if (!allocated.ok()) return allocated.error();
    path = std::move(*allocated);
  }
  Result<File> file = File::open(path, O_RDWR);
  if (!file.ok()) return file.error();
  if (auto done = file->write_all(0, encode_segment_header(header)); !done.ok()) {
    return done.error();
  }
  // The header is durable before the file gets its name: a named segment always has a header.
  if (auto done = file->sync(); !done.ok()) return done.error();
  if (::rename(path.c_str(), segment_path(header.segment).c_str()) != 0) {
    return error_of_errno(errno);
  }
  if (auto done = sync_directory(path_); !done.ok()) return done.error();
  return std::unique_ptr<LogFile>(new PosixLogFile(std::move(*file)));
}

Result<void> PosixLogDirectory::truncate(uint64_t segment, uint64_t bytes) {
  const Result<File> file = File::open(segment_path(segment), O_RDWR);
  if (!file.ok()) return file.error();
  const Result<uint64_t> size = file->size();
  if (!size.ok()) return size.error();
  if (*size <= bytes) return {};
  if (::ftruncate(file->descriptor(), static_cast<off_t>(bytes)) != 0) {
    return error_of_errno(errno);
  }
  return file->sync();
}

Result<void> PosixLogDirectory::retire(const std::vector<uint64_t>& segments) {
  for (const uint64_t segment : segments) {
    const std::string path = segment_path(segment);
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0) continue;  // Another run has done it.
    const std::lock_guard lock(mutex_);
    const std::string spare = next_spare_path();
    if (spares_.size() < kSparesMax && ::rename(path.c_str(), spare.c_str()) == 0) {
      spares_.push_back({spare, static_cast<uint64_t>(status.st_size)});
    } else if (::unlink(path.c_str()) != 0) {
      return error_of_errno(errno);
    }
  }
  return sync_directory(path_);
}

Result<void> PosixLogDirectory::prepare_spare(uint64_t bytes) {
  {
    const std::lock_guard lock(mutex_);
    for (const Spare& spare : spares_) {
      if (spare.bytes >= bytes) return {};
    }
  }
  const Result<std::string> path = allocate(bytes);
  if (!path.ok()) return path.error();
  const Result<File> file = File::open(*path, O_RDWR);
  if (!file.ok()) return file.error();
  const Bytes zeros(1 << 20, 0);
  for (uint64_t at = 0; at < bytes; at += zeros.size()) {
    const ByteView chunk =
        ByteView(zeros).first(static_cast<size_t>(std::min<uint64_t>(zeros.size(), bytes - at)));
    if (auto done = file->write_all(at, chunk); !done.ok()) {
      ::unlink(path->c_str());
      return done;
    }
  }
  if (auto done = file->sync(); !done.ok()) {
    ::unlink(path->c_str());
    return done;
  }
  const std::lock_guard lock(mutex_);
  spares_.push_back({*path, bytes});
  return {};
}

std::string PosixLogDirectory::next_spare_path() {
  return path_ + "/spare-" + std::to_string(next_spare_++);
}

std::string PosixLogDirectory::take_spare(uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  for (size_t i = 0; i < spares_.size(); ++i) {
    if (spares_[i].bytes < bytes) continue;
    std::string path = spares_[i].path;
    spares_.erase(spares_.begin() + static_cast<ptrdiff_t>(i));
    return path;
  }
  return {};
}

Result<std::string> PosixLogDirectory::allocate(uint64_t bytes) {
  std::string path;
  {
    const std::lock_guard lock(mutex_);
    path = next_spare_path();
  }
  const Result<File> file = File::open(path, O_RDWR | O_CREAT | O_TRUNC);
  if (!file.ok()) return file.error();
  const int failure = ::posix_fallocate(file->descriptor(), 0, static_cast<off_t>(bytes));
  if (failure != 0) {
    ::unlink(path.c_str());
    return error_of_errno(failure);
  }
  return path;
}

}  // namespace topgun::host
