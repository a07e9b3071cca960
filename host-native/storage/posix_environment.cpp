#include "host-native/storage/posix_environment.hpp"

#include <sys/random.h>

#include "host-native/storage/posix_file_system.hpp"

namespace topgun::host {
namespace {

Result<uint64_t> random_bits() {
  uint64_t bits = 0;
  if (::getrandom(&bits, sizeof(bits), 0) != static_cast<ssize_t>(sizeof(bits))) {
    return Error::StorageIo;
  }
  return bits;
}

}  // namespace

DataEnvironment posix_environment() {
  static PosixFileSystem files;  // Has no state; here for its address.
  return {.files = files, .sqlite_vfs = {}, .random = random_bits};
}

}  // namespace topgun::host
