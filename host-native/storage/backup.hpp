#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "core/base/result.hpp"
#include "core/storage/file_system.hpp"
#include "core/storage/log_writer.hpp"
#include "host-native/storage/checkpoint_store.hpp"
#include "host-native/storage/data_directory.hpp"
#include "host-native/storage/log_directory.hpp"

namespace topgun::host {

/// Writes a data directory with the state of `store` and the log up to `end` into `directory`,
/// which must be new or empty. Its file `BACKUP`, written last, says that the copy is whole and
/// where its log ends. Nothing may be recycled meanwhile. `InvalidArgument` if the directory is not
/// empty.
Result<void> write_backup(storage::FileSystem& files, CheckpointStore& store, LogDirectory& log,
                          storage::LogWriter::Position end, const std::string& directory);

/// Verifies the backup in `source` and copies it into `target`, which must be new or empty, as a
/// data directory that a node can be started on. `InvalidArgument` if the target is not empty,
/// `Truncated` if the backup was not finished, `StorageCorrupt` if it is damaged. `report` receives
/// a line for each finding.
Result<void> restore_directory(const DataEnvironment& environment, const std::string& source,
                               const std::string& target,
                               const std::function<void(std::string_view line)>& report);

}  // namespace topgun::host
