#include "host-native/storage/file_log_directory.hpp"

#include <algorithm>
#include <cstdlib>

#include "core/base/probe.hpp"

namespace topgun::host {
namespace {

using storage::File;
using storage::FileSystem;

constexpr size_t kSparesMax = 2;
constexpr size_t kDigits = 20;

class SegmentFile final : public LogFile {
 public:
  explicit SegmentFile(std::unique_ptr<File> file) : file_(std::move(file)) {}
  Result<void> write(uint64_t offset, ByteView data) override { return file_->write(offset, data); }
  Result<void> sync() override { return file_->sync(); }

 private:
  std::unique_ptr<File> file_;
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

std::string FileLogDirectory::segment_name(uint64_t segment) {
  std::string digits = std::to_string(segment);
  return std::string(kDigits - digits.size(), '0') + digits + ".log";
}

Result<std::unique_ptr<FileLogDirectory>> FileLogDirectory::open(FileSystem& files,
                                                                 const std::string& path) {
  if (auto made = files.make_directories(path); !made.ok()) return made.error();
  std::unique_ptr<FileLogDirectory> directory(new FileLogDirectory(files, path));
  if (auto found = directory->find_spares(); !found.ok()) return found.error();
  return directory;
}

Result<uint64_t> FileLogDirectory::size_of(const std::string& path) {
  const Result<std::unique_ptr<File>> file = files_.open(path, FileSystem::OpenMode::Read);
  if (!file.ok()) return file.error();
  return (*file)->size();
}

Result<void> FileLogDirectory::find_spares() {
  const Result<std::vector<std::string>> names = files_.list(path_);
  if (!names.ok()) return names.error();
  for (const std::string& name : *names) {
    if (name.rfind("spare-", 0) != 0) continue;
    const std::string path = path_ + "/" + name;
    next_spare_ = std::max(next_spare_, uint64_t{std::strtoull(name.c_str() + 6, nullptr, 10)} + 1);
    // Half-made spares of a crash are not told from good ones, and need not be: what they hold is
    // never read, and blocks that were not allocated are allocated when they are written.
    const Result<uint64_t> bytes = size_of(path);
    if (spares_.size() < kSparesMax && bytes.ok()) {
      spares_.push_back({path, *bytes});
    } else {
      (void)files_.remove(path);
    }
  }
  return {};
}

Result<std::vector<uint64_t>> FileLogDirectory::segments() {
  const Result<std::vector<std::string>> names = files_.list(path_);
  if (!names.ok()) return names.error();
  std::vector<uint64_t> numbers;
  for (const std::string& name : *names) {
    uint64_t segment = 0;
    if (parse_segment_name(name, segment)) numbers.push_back(segment);
  }
  return numbers;  // Ascending: the names have leading zeros and came sorted.
}

Result<Bytes> FileLogDirectory::read(uint64_t segment) {
  return storage::read_file(files_, segment_path(segment));
}

Result<std::unique_ptr<LogFile>> FileLogDirectory::create(const storage::SegmentHeader& header,
                                                          uint64_t bytes) {
  std::string spare = take_spare(bytes);
  if (spare.empty()) {
    Result<std::string> allocated = allocate(bytes);
    if (!allocated.ok()) return allocated.error();
    spare = std::move(*allocated);
  }
  Result<std::unique_ptr<File>> file = name_segment(spare, header);
  if (!file.ok()) {
    // Not kept for the next attempt: its blocks may be the ones that the disk cannot write. Left
    // behind, every attempt would take the size of a segment from a disk that may be filling up.
    // Nobody knows which of its two names it has.
    (void)files_.remove(spare);
    (void)files_.remove(segment_path(header.segment));
    return file.error();
  }
  return std::unique_ptr<LogFile>(std::make_unique<SegmentFile>(std::move(*file)));
}

Result<std::unique_ptr<File>> FileLogDirectory::name_segment(const std::string& spare,
                                                             const storage::SegmentHeader& header) {
  Result<std::unique_ptr<File>> file = files_.open(spare, FileSystem::OpenMode::Write);
  if (!file.ok()) return file;
  if (auto done = (*file)->write(0, encode_segment_header(header)); !done.ok()) {
    return done.error();
  }
  // The header is durable before the file gets its name: a named segment always has a header.
  if (auto done = (*file)->sync(); !done.ok()) return done.error();
  if (auto done = files_.rename(spare, segment_path(header.segment)); !done.ok()) {
    return done.error();
  }
  if (TG_MUTANT(26)) return file;
  if (auto done = files_.sync_directory(path_); !done.ok()) return done.error();
  return file;
}

Result<void> FileLogDirectory::truncate(uint64_t segment, uint64_t bytes) {
  const Result<std::unique_ptr<File>> file =
      files_.open(segment_path(segment), FileSystem::OpenMode::Write);
  if (!file.ok()) return file.error();
  const Result<uint64_t> size = (*file)->size();
  if (!size.ok()) return size.error();
  if (*size <= bytes) return {};
  if (auto cut = (*file)->truncate(bytes); !cut.ok()) return cut;
  return (*file)->sync();
}

Result<void> FileLogDirectory::retire(const std::vector<uint64_t>& segments) {
  for (const uint64_t segment : segments) {
    const std::string path = segment_path(segment);
    const Result<bool> is_there = files_.exists(path);
    if (is_there.ok() && !*is_there) continue;  // Another run has done it.
    if (auto retired = retire_one(path); !retired.ok()) return retired;
  }
  return files_.sync_directory(path_);
}

Result<void> FileLogDirectory::retire_one(const std::string& path) {
  const Result<uint64_t> bytes = size_of(path);
  const std::lock_guard lock(mutex_);
  if (bytes.ok() && spares_.size() < kSparesMax) {
    const std::string spare = next_spare_path();
    if (files_.rename(path, spare).ok()) {
      spares_.push_back({spare, *bytes});
      return {};
    }
  }
  return files_.remove(path);
}

Result<void> FileLogDirectory::prepare_spare(uint64_t bytes) {
  {
    const std::lock_guard lock(mutex_);
    for (const Spare& spare : spares_) {
      if (spare.bytes >= bytes) return {};
    }
  }
  const Result<std::string> path = allocate(bytes);
  if (!path.ok()) return path.error();
  if (auto filled = fill(*path, bytes); !filled.ok()) {
    (void)files_.remove(*path);
    return filled;
  }
  const std::lock_guard lock(mutex_);
  spares_.push_back({*path, bytes});
  return {};
}

Result<void> FileLogDirectory::fill(const std::string& path, uint64_t bytes) {
  const Result<std::unique_ptr<File>> file = files_.open(path, FileSystem::OpenMode::Write);
  if (!file.ok()) return file.error();
  const Bytes zeros(static_cast<size_t>(std::min<uint64_t>(bytes, 1 << 20)), 0);
  for (uint64_t at = 0; at < bytes; at += zeros.size()) {
    const ByteView chunk =
        ByteView(zeros).first(static_cast<size_t>(std::min<uint64_t>(zeros.size(), bytes - at)));
    if (auto done = (*file)->write(at, chunk); !done.ok()) return done;
  }
  return (*file)->sync();
}

std::string FileLogDirectory::next_spare_path() {
  return path_ + "/spare-" + std::to_string(next_spare_++);
}

std::string FileLogDirectory::take_spare(uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  // One that is too small, such as the last segment of an earlier run, cut to its end, will not fit
  // later either: kept, it would hold the place of those that do.
  while (!spares_.empty()) {
    const Spare spare = spares_.front();
    spares_.erase(spares_.begin());
    if (spare.bytes >= bytes) return spare.path;
    (void)files_.remove(spare.path);
  }
  return {};
}

Result<std::string> FileLogDirectory::allocate(uint64_t bytes) {
  std::string path;
  {
    const std::lock_guard lock(mutex_);
    path = next_spare_path();
  }
  const Result<std::unique_ptr<File>> file = files_.open(path, FileSystem::OpenMode::Replace);
  if (!file.ok()) return file.error();
  if (auto allocated = (*file)->allocate(bytes); !allocated.ok()) {
    (void)files_.remove(path);
    return allocated.error();
  }
  return path;
}

}  // namespace topgun::host
