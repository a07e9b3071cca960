#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "core/base/result.hpp"
#include "host-native/storage/data_directory.hpp"

namespace topgun::host {

/// Verifies a data directory that no server uses: the structure and every row of the checkpoint,
/// every block of the log and their chain, and that every entry decodes. Changes nothing. `report`
/// receives what was found, line by line: counts of what is there, and what is damaged where.
/// `StorageCorrupt` if anything is; `StorageIo` if it cannot be read or is in use.
Result<void> check_directory(const DataEnvironment& environment, const std::string& directory,
                             const std::function<void(std::string_view line)>& report);

}  // namespace topgun::host
