#pragma once

#include <functional>
#include <memory>
#include <string>

#include "core/storage/log_retention.hpp"
#include "core/storage/node_storage.hpp"
#include "core/storage/recovery.hpp"
#include "host-native/storage/checkpoint_store.hpp"
#include "host-native/storage/log_directory.hpp"

namespace topgun::host {

/// Opens the log's directory; tests put a failing one in its place.
using OpenLogDirectory = std::function<Result<std::unique_ptr<LogDirectory>>(
    storage::FileSystem& files, const std::string& path)>;
Result<std::unique_ptr<LogDirectory>> open_file_log_directory(storage::FileSystem& files,
                                                              const std::string& path);

/// Names inside a data directory.
std::string log_path(const std::string& directory);
std::string checkpoint_path(const std::string& directory);

/// Keeps two servers from working in one data directory, which is made if it is missing.
/// `StorageIo` if another one holds the lock.
Result<std::unique_ptr<storage::FileLock>> lock_data_directory(storage::FileSystem& files,
                                                               const std::string& directory);

/// Where a data directory lies and what storage there is driven with.
struct DataEnvironment {
  /// Borrowed; outlives the data directory.
  storage::FileSystem& files;
  /// The name of SQLite's view of the same files; empty for that of the operating system.
  std::string sqlite_vfs;
  /// 64 random bits, for the identity of a new log. `StorageIo` if there are none.
  std::function<Result<uint64_t>()> random;
  OpenLogDirectory open_log = open_file_log_directory;
};

/// What a data directory holds, read once from end to end.
struct DataDirectory {
  uint64_t log_id = 0;
  std::unique_ptr<CheckpointStore> checkpoint;
  std::unique_ptr<LogDirectory> log;
  storage::LogRetention retention;
  storage::LogEnd end;
  /// The last segment and the end of the valid blocks in it; 0 and 0 if there is none.
  storage::LogWriter::Position tail;
  storage::RecoveryReport report;
};

/// Reads checkpoint and log, verifies both and hands every record batch and then every log entry
/// after it to `recover`. Errors: those of `recover`, `StorageCorrupt` with a line to `report` that
/// says where, `StorageIo`. In mode `Inspect` nothing is written. The caller holds the lock.
/// `report.duration_ms` is left to the caller, who has a clock.
Result<DataDirectory> read_data_directory(const DataEnvironment& environment,
                                          const std::string& directory, CheckpointStore::Mode mode,
                                          const storage::Recover& recover,
                                          const CheckpointStore::Report& report);

}  // namespace topgun::host
