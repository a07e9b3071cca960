#pragma once

#include "host-native/storage/data_directory.hpp"
#include "host-native/storage/storage_engine.hpp"

namespace topgun::host {

/// `StorageEngine::open` with files that the caller chooses.
Result<std::unique_ptr<StorageEngine>> open_engine(const StorageEngine::Options& options,
                                                   uint64_t incarnation,
                                                   const StorageEngine::Recover& recover,
                                                   const DataEnvironment& environment);

}  // namespace topgun::host
