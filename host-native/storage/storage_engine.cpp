#include "host-native/storage/storage_engine.hpp"

#include "host-native/storage/engine.hpp"
#include "host-native/storage/posix_environment.hpp"

namespace topgun::host {

// Alone in this file, so that a test program can link a definition of its own that breaks promises.
Result<std::unique_ptr<StorageEngine>> StorageEngine::open(const Options& options,
                                                           uint64_t incarnation,
                                                           const Recover& recover) {
  return open_engine(options, incarnation, recover, posix_environment());
}

}  // namespace topgun::host
