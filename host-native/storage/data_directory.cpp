#include "host-native/storage/data_directory.hpp"

#include <algorithm>

#include "core/base/probe.hpp"
#include "host-native/storage/file_log_directory.hpp"

namespace topgun::host {
namespace {

Result<uint64_t> random_log_id(const DataEnvironment& environment) {
  Result<uint64_t> id = environment.random();
  while (id.ok() && *id == 0) id = environment.random();
  return id;
}

bool is_log_kind(uint8_t kind) {
  return kind >= static_cast<uint8_t>(node::LogEntryKind::Operations) &&
         kind <= static_cast<uint8_t>(node::LogEntryKind::Horizon);
}

/// Hands the entries of a group that the checkpoint does not cover to `recover`.
Result<void> replay_group(const storage::BlockHeader& block, const storage::EntryGroup& group,
                          const storage::AppliedVector& applied, const storage::Recover& recover,
                          uint64_t& entries) {
  const uint64_t covered = applied.sequence({block.incarnation, group.shard});
  if (covered >= group.last_sequence()) return {};
  uint64_t sequence = group.first_sequence;
  for (storage::EntryReader each(group.entries); !each.at_end(); ++sequence) {
    const Result<storage::Entry> entry = each.next();
    if (!entry.ok()) return entry.error();
    if (sequence <= covered) continue;
    if (!is_log_kind(entry->kind)) return Error::UnsupportedVersion;
    const auto kind = static_cast<node::LogEntryKind>(entry->kind);
    if (auto done = recover(kind, entry->payload); !done.ok()) return done;
    entries += 1;
  }
  return {};
}

void say(const CheckpointStore::Report& report, const std::string& line) {
  if (report) report(line);
}

std::string place(uint64_t segment, uint64_t offset) {
  return "log segment " + FileLogDirectory::segment_name(segment) + " at byte " +
         std::to_string(offset);
}

/// The log's identity: the checkpoint knows it, or the first segment says it, or the log is new.
Result<uint64_t> find_log_id(const DataEnvironment& environment, DataDirectory& data,
                             const std::vector<uint64_t>& segments) {
  if (data.checkpoint->log_id()) return *data.checkpoint->log_id();
  if (segments.empty()) return random_log_id(environment);
  const Result<Bytes> content = data.log->read(segments.front());
  if (!content.ok()) return content.error();
  const Result<storage::SegmentHeader> header = storage::decode_segment_header(*content);
  if (!header.ok()) return Error::StorageCorrupt;
  return header->log_id;
}

Result<void> read_log(DataDirectory& data, const std::vector<uint64_t>& segments,
                      const storage::Recover& recover, const CheckpointStore::Report& report) {
  const storage::AppliedVector& applied = data.checkpoint->applied();
  storage::LogRecovery recovery(data.log_id, data.checkpoint->log_start());
  const auto on_group = [&](const storage::BlockHeader& block, const storage::EntryGroup& group) {
    return replay_group(block, group, applied, recover, data.report.log_entries);
  };
  Result<void> done;
  for (const uint64_t segment : segments) {
    const Result<Bytes> content = data.log->read(segment);
    if (!content.ok()) {
      say(report, "cannot read " + place(segment, 0));
      return content.error();
    }
    done = recovery.segment(segment, *content, on_group);
    if (!done.ok()) break;
    data.tail = {segment, recovery.tail_offset()};
  }
  if (done.ok()) done = recovery.finish();
  if (!done.ok()) {
    if (recovery.damage()) {
      const storage::LogRecovery::Damage& damage = *recovery.damage();
      say(report, place(damage.segment, damage.offset) + ": " + std::string(damage.reason) + ": " +
                      std::string(error_name(done.error())));
    }
    return done;
  }
  data.report.log_bytes = recovery.log_bytes();
  data.report.torn_bytes = recovery.torn_bytes();
  TG_SOMETIMES(recovery.torn_bytes() > 0, LogTornTail);
  if (recovery.torn_bytes() > 0) {
    say(report, place(data.tail.segment, data.tail.offset) + ": a torn block of " +
                    std::to_string(recovery.torn_bytes()) +
                    " bytes that was never acknowledged is the end of the log");
  }
  data.retention = recovery.take_retention();
  data.end = recovery.take_end();
  return {};
}

}  // namespace

Result<std::unique_ptr<LogDirectory>> open_file_log_directory(storage::FileSystem& files,
                                                              const std::string& path) {
  Result<std::unique_ptr<FileLogDirectory>> opened = FileLogDirectory::open(files, path);
  if (!opened.ok()) return opened.error();
  return std::unique_ptr<LogDirectory>(std::move(*opened));
}

std::string log_path(const std::string& directory) { return directory + "/log"; }
std::string checkpoint_path(const std::string& directory) { return directory + "/checkpoint.db"; }

Result<std::unique_ptr<storage::FileLock>> lock_data_directory(storage::FileSystem& files,
                                                               const std::string& directory) {
  if (auto made = files.make_directories(directory); !made.ok()) return made.error();
  return files.lock(directory + "/LOCK");
}

Result<DataDirectory> read_data_directory(const DataEnvironment& environment,
                                          const std::string& directory, CheckpointStore::Mode mode,
                                          const storage::Recover& recover,
                                          const CheckpointStore::Report& report) {
  DataDirectory data;
  Result<std::unique_ptr<LogDirectory>> log =
      environment.open_log(environment.files, log_path(directory));
  if (!log.ok()) return log.error();
  data.log = std::move(*log);
  Result<std::unique_ptr<CheckpointStore>> checkpoint = CheckpointStore::open(
      environment.files, environment.sqlite_vfs, checkpoint_path(directory), mode, report);
  if (!checkpoint.ok()) return checkpoint.error();
  data.checkpoint = std::move(*checkpoint);

  Result<std::vector<uint64_t>> segments = data.log->segments();
  if (!segments.ok()) return segments.error();
  const uint64_t highest = segments->empty() ? 0 : segments->back();
  const uint64_t first = data.checkpoint->log_start() ? data.checkpoint->log_start()->segment : 0;
  const auto needed = std::lower_bound(segments->begin(), segments->end(), first);
  // What lies before is covered by the checkpoint; a crash kept it from being recycled.
  segments->erase(segments->begin(), needed);

  const Result<uint64_t> log_id = find_log_id(environment, data, *segments);
  if (!log_id.ok()) {
    say(report, "the header of the first log segment is damaged");
    return log_id.error();
  }
  data.log_id = *log_id;
  if (!data.checkpoint->log_id() && mode == CheckpointStore::Mode::Work) {
    if (auto set = data.checkpoint->set_log_id(data.log_id); !set.ok()) return set.error();
  }

  const Result<uint64_t> records = data.checkpoint->load(
      [&](ByteView batch) { return recover(node::LogEntryKind::Checkpoint, batch); });
  if (!records.ok()) return records.error();
  data.report.checkpoint_records = *records;
  if (auto read = read_log(data, *segments, recover, report); !read.ok()) return read.error();
  data.end.segment = std::max(data.end.segment, highest);
  return data;
}

}  // namespace topgun::host
