#pragma once

#include "host-native/storage/data_directory.hpp"

namespace topgun::host {

/// `StorageEngine::open` with another way to open the log's directory, for tests.
Result<std::unique_ptr<StorageEngine>> open_engine(const StorageEngine::Options& options,
                                                   uint64_t incarnation,
                                                   const StorageEngine::Recover& recover,
                                                   const OpenLogDirectory& open_log);

}  // namespace topgun::host
