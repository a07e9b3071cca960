#include "host-native/storage/backup.hpp"

#include <fcntl.h>
#include <unistd.h>

#include "core/base/hash.hpp"
#include "host-native/storage/check.hpp"
#include "host-native/storage/data_directory.hpp"
#include "host-native/storage/file.hpp"
#include "host-native/storage/posix_log_directory.hpp"

namespace topgun::host {
namespace {

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
Result<void> check_marker(const std::string& directory) {
  const Result<File> file = File::open(marker_path(directory), O_RDONLY);
  if (!file.ok()) return Error::Truncated;
  const Result<Bytes> text = file->read_all();
  if (!text.ok()) return text.error();
  Result<std::unique_ptr<PosixLogDirectory>> log = PosixLogDirectory::open(log_path(directory));
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

Result<void> make_empty_directory(const std::string& directory) {
  if (auto made = make_directories(directory); !made.ok()) return made;
  const Result<std::vector<std::string>> names = list_directory(directory);
  if (!names.ok()) return names.error();
  if (!names->empty()) return Error::InvalidArgument;
  return make_directories(log_path(directory));
}

Result<void> write_new_file(const std::string& path, ByteView content) {
  const Result<File> file = File::open(path, O_WRONLY | O_CREAT | O_EXCL);
  if (!file.ok()) return file.error();
  if (auto written = file->write_all(0, content); !written.ok()) return written;
  return file->sync();
}

}  // namespace

Result<void> write_backup(CheckpointStore& store, LogDirectory& log,
                          storage::LogWriter::Position end, const std::string& directory) {
  if (auto made = make_empty_directory(directory); !made.ok()) return made;
  if (auto copied = store.copy_to(checkpoint_path(directory)); !copied.ok()) return copied;
  const Result<std::vector<uint64_t>> segments = log.segments();
  if (!segments.ok()) return segments.error();
  const uint64_t first = store.log_start() ? store.log_start()->segment : 0;
  for (const uint64_t segment : *segments) {
    if (segment < first || segment > end.segment) continue;
    Result<Bytes> content = log.read(segment);
    if (!content.ok()) return content.error();
    // The rest of the segment was not durable at the time of the call.
    if (segment == end.segment && content->size() > end.offset) content->resize(end.offset);
    const std::string path = log_path(directory) + "/" + PosixLogDirectory::segment_name(segment);
    if (auto written = write_new_file(path, *content); !written.ok()) return written;
  }
  if (auto synced = sync_directory(log_path(directory)); !synced.ok()) return synced;
  if (auto synced = sync_directory(directory); !synced.ok()) return synced;
  const std::string marker = encode_marker(end);
  if (auto written = write_new_file(marker_path(directory), as_bytes(marker)); !written.ok()) {
    return written;
  }
  return sync_directory(directory);
}

Result<void> restore_directory(const std::string& source, const std::string& target,
                               const std::function<void(std::string_view line)>& report) {
  if (auto whole = check_marker(source); !whole.ok()) {
    if (report) report("the backup is not whole: its file BACKUP is missing or does not fit");
    return whole;
  }
  if (auto sound = check_directory(source, report); !sound.ok()) return sound;
  if (auto made = make_empty_directory(target); !made.ok()) {
    if (report) report("the target directory is not empty");
    return made;
  }
  const Result<std::vector<std::string>> segments = list_directory(log_path(source));
  if (!segments.ok()) return segments.error();
  for (const std::string& name : *segments) {
    if (auto copied = copy_file(log_path(source) + "/" + name, log_path(target) + "/" + name);
        !copied.ok()) {
      return copied;
    }
  }
  if (auto synced = sync_directory(log_path(target)); !synced.ok()) return synced;
  // The checkpoint comes last: a target without one is refused by nobody but holds no log start
  // either, and one with it is complete.
  if (auto copied = copy_file(checkpoint_path(source), checkpoint_path(target)); !copied.ok()) {
    return copied;
  }
  return sync_directory(target);
}

}  // namespace topgun::host
