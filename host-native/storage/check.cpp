#include "host-native/storage/check.hpp"

#include "core/sync/batch.hpp"

namespace topgun::host {
namespace {

Result<void> check_entry(node::LogEntryKind kind, ByteView payload, OperationBatch& operations,
                         RecordBatch& records) {
  switch (kind) {
    case node::LogEntryKind::Operations:
      return decode_operations(payload, Values::Validate, operations);
    case node::LogEntryKind::Records:
    case node::LogEntryKind::Checkpoint:
      return decode_records(payload, Values::Validate, records);
    case node::LogEntryKind::Horizon:
      return payload.size() == 8 ? Result<void>() : Error::Malformed;
  }
  return Error::UnsupportedVersion;
}

}  // namespace

Result<void> check_directory(const DataEnvironment& environment, const std::string& directory,
                             const std::function<void(std::string_view line)>& report) {
  const auto say = [&report](const std::string& line) {
    if (report) report(line);
  };
  const Result<bool> has_data = environment.files.exists(checkpoint_path(directory));
  if (!has_data.ok() || !*has_data) {
    say(directory + " holds no data: there is no checkpoint.db");
    return Error::StorageIo;
  }
  const Result<std::unique_ptr<storage::FileLock>> lock =
      lock_data_directory(environment.files, directory);
  if (!lock.ok()) {
    say("cannot lock " + directory + ": a server uses it, or it cannot be written");
    return lock.error();
  }
  OperationBatch operations;
  RecordBatch records;
  const Result<DataDirectory> data = read_data_directory(
      environment, directory, CheckpointStore::Mode::Inspect,
      [&](node::LogEntryKind kind, ByteView payload) {
        return check_entry(kind, payload, operations, records);
      },
      report);
  if (!data.ok()) return data.error();
  if (auto sound = data->checkpoint->check_structure(); !sound.ok()) return sound;
  say("checkpoint: " + std::to_string(data->report.checkpoint_records) + " records");
  say("log: " + std::to_string(data->report.log_entries) + " entries after the checkpoint in " +
      std::to_string(data->report.log_bytes) + " bytes");
  say("sound");
  return {};
}

}  // namespace topgun::host
