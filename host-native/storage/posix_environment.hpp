#pragma once

#include "host-native/storage/data_directory.hpp"

namespace topgun::host {

/// The files and the randomness of the operating system, for the life of the process.
DataEnvironment posix_environment();

}  // namespace topgun::host
