#pragma once

#include "core/storage/node_storage.hpp"

namespace topgun::host {

/// Storage for the simulator: all that the server runs below `StorageEngine`, on files, randomness
/// and time that come in, without threads. A `storage::OpenStorage`.
Result<std::unique_ptr<storage::SteppedStorage>> open_stepped_engine(
    storage::FileSystem& files, const storage::StorageSources& sources,
    const storage::StorageOptions& options, uint64_t incarnation, const storage::Recover& recover);

}  // namespace topgun::host
