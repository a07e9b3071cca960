#pragma once

#include <functional>
#include <memory>
#include <string>

#include "core/storage/log_retention.hpp"
#include "core/storage/recovery.hpp"
#include "host-native/storage/checkpoint_store.hpp"
#include "host-native/storage/log_directory.hpp"
#include "host-native/storage/storage_engine.hpp"

namespace topgun::host {

/// Opens the log's directory; tests put a failing one in its place.
using OpenLogDirectory =
    std::function<Result<std::unique_ptr<LogDirectory>>(const std::string& path)>;
Result<std::unique_ptr<LogDirectory>> open_posix_log_directory(const std::string& path);

/// Names inside a data directory.
std::string log_path(const std::string& directory);
std::string checkpoint_path(const std::string& directory);

/// What a data directory holds, read once from end to end.
struct DataDirectory {
  uint64_t log_id = 0;
  std::unique_ptr<CheckpointStore> checkpoint;
  std::unique_ptr<LogDirectory> log;
  storage::LogRetention retention;
  storage::LogEnd end;
  /// The last segment and the end of the valid blocks in it; 0 and 0 if there is none.
  storage::LogWriter::Position tail;
  StorageEngine::RecoveryReport report;
};

/// Reads checkpoint and log, verifies both and hands every record batch and then every log entry
/// after it to `recover`. Errors: those of `recover`, `StorageCorrupt` with a line to `report` that
/// says where, `StorageIo`. In mode `Inspect` nothing is written. The caller holds the lock.
Result<DataDirectory> read_data_directory(const std::string& directory, CheckpointStore::Mode mode,
                                          const OpenLogDirectory& open_log,
                                          const StorageEngine::Recover& recover,
                                          const CheckpointStore::Report& report);

}  // namespace topgun::host
