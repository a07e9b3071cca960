#include "host-native/storage/backup.hpp"

#include <algorithm>

#include "core/base/hash.hpp"
#include "host-native/storage/check.hpp"
#include "host-native/storage/file_log_directory.hpp"

namespace topgun::host {
namespace {

using storage::File;
using storage::FileSystem;

std::string marker_path(const std::string& directory) { return directory + "/BACKUP"; }

/// `BACKUP` is text for the reader and exact for the program:
/// `topgun-backup 1\nsegment <n>\nbytes <n>\nchecksum <n>\n`, the checksum over the lines before.
std::string encode_marker(storage::LogWriter::Position end) {
  std::string text = "topgun-backup 1\nsegment " + std::to_string(end.segment) + "\nbytes " +
                     std::to_string(end.offset) + "\n";
  return text + "checksum " + std::to_string(hash64(as_bytes(text))) + "\n";
}

/// The marker says where the log ends, so whether it is right is whether it equals the marker that
/// this end would have.
Result<void> check_marker(FileSystem& files, const std::string& directory) {
  const Result<Bytes> text = storage::read_file(files, marker_path(directory));
  if (!text.ok()) return Error::Truncated;
  Result<std::unique_ptr<FileLogDirectory>> log =
      FileLogDirectory::open(files, log_path(directory));
  if (!log.ok()) return log.error();
  const Result<std::vector<uint64_t>> segments = (*log)->segments();
  if (!segments.ok()) return segments.error();
  storage::LogWriter::Position end;
  if (!segments->empty()) {
    const Result<Bytes> last = (*log)->read(segments->back());
    if (!last.ok()) return last.error();
    end = {segments->back(), last->size()};
  }
  if (as_text(*text) != encode_marker(end)) return Error::StorageCorrupt;
  return {};
}

Result<void> make_empty_directory(FileSystem& files, const std::string& directory) {
  if (auto made = files.make_directories(directory); !made.ok()) return made;
  const Result<std::vector<std::string>> names = files.list(directory);
  if (!names.ok()) return names.error();
  if (!names->empty()) return Error::InvalidArgument;
  return files.make_directories(log_path(directory));
}

Result<void> copy_file(FileSystem& files, const std::string& from, const std::string& to) {
  const Result<std::unique_ptr<File>> source = files.open(from, FileSystem::OpenMode::Read);
  if (!source.ok()) return source.error();
  const Result<std::unique_ptr<File>> target = files.open(to, FileSystem::OpenMode::CreateNew);
  if (!target.ok()) return target.error();
  Bytes buffer(1 << 20);
  for (uint64_t at = 0;;) {
    const Result<uint64_t> got = (*source)->read(at, buffer);
    if (!got.ok()) return got.error();
    if (*got == 0) return (*target)->sync();
    const ByteView chunk = ByteView(buffer).first(static_cast<size_t>(*got));
    if (auto written = (*target)->write(at, chunk); !written.ok()) return written;
    at += *got;
  }
}

Result<void> sync_file(FileSystem& files, const std::string& path) {
  const Result<std::unique_ptr<File>> file = files.open(path, FileSystem::OpenMode::Write);
  if (!file.ok()) return file.error();
  return (*file)->sync();
}

}  // namespace

Result<void> write_backup(FileSystem& files, CheckpointStore& store, LogDirectory& log,
                          storage::LogWriter::Position end, const std::string& directory) {
  if (auto made = make_empty_directory(files, directory); !made.ok()) return made;
  const std::string checkpoint = checkpoint_path(directory);
  if (auto copied = store.copy_to(checkpoint); !copied.ok()) return copied;
  if (auto synced = sync_file(files, checkpoint); !synced.ok()) return synced;
  const Result<std::vector<uint64_t>> segments = log.segments();
  if (!segments.ok()) return segments.error();
  const uint64_t first = store.log_start() ? store.log_start()->segment : 0;
  for (const uint64_t segment : *segments) {
    if (segment < first || segment > end.segment) continue;
    Result<Bytes> content = log.read(segment);
    if (!content.ok()) return content.error();
    // The rest of the segment was not durable at the time of the call.
    if (segment == end.segment && content->size() > end.offset) content->resize(end.offset);
    const std::string path = log_path(directory) + "/" + FileLogDirectory::segment_name(segment);
    if (auto written = storage::write_new_file(files, path, *content); !written.ok())
      return written;
  }
  if (auto synced = files.sync_directory(log_path(directory)); !synced.ok()) return synced;
  if (auto synced = files.sync_directory(directory); !synced.ok()) return synced;
  const std::string marker = encode_marker(end);
  if (auto written = storage::write_new_file(files, marker_path(directory), as_bytes(marker));
      !written.ok()) {
    return written;
  }
  return files.sync_directory(directory);
}

Result<void> restore_directory(const DataEnvironment& environment, const std::string& source,
                               const std::string& target,
                               const std::function<void(std::string_view line)>& report) {
  FileSystem& files = environment.files;
  if (auto whole = check_marker(files, source); !whole.ok()) {
    if (report) report("the backup is not whole: its file BACKUP is missing or does not fit");
    return whole;
  }
  if (auto sound = check_directory(environment, source, report); !sound.ok()) return sound;
  if (auto made = make_empty_directory(files, target); !made.ok()) {
    if (report) report("the target directory is not empty");
    return made;
  }
  const Result<std::vector<std::string>> segments = files.list(log_path(source));
  if (!segments.ok()) return segments.error();
  for (const std::string& name : *segments) {
    if (auto copied =
            copy_file(files, log_path(source) + "/" + name, log_path(target) + "/" + name);
        !copied.ok()) {
      return copied;
    }
  }
  if (auto synced = files.sync_directory(log_path(target)); !synced.ok()) return synced;
  // The checkpoint comes last: a target without one is refused by nobody but holds no log start
  // either, and one with it is complete.
  if (auto copied = copy_file(files, checkpoint_path(source), checkpoint_path(target));
      !copied.ok()) {
    return copied;
  }
  return files.sync_directory(target);
}

}  // namespace topgun::host
