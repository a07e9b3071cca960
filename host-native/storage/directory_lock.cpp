#include "host-native/storage/directory_lock.hpp"

#include <fcntl.h>
#include <sys/file.h>

namespace topgun::host {

Result<DirectoryLock> DirectoryLock::acquire(const std::string& directory) {
  if (auto made = make_directories(directory); !made.ok()) return made.error();
  Result<File> file = File::open(directory + "/LOCK", O_RDWR | O_CREAT);
  if (!file.ok()) return file.error();
  if (::flock(file->descriptor(), LOCK_EX | LOCK_NB) != 0) return Error::StorageIo;
  return DirectoryLock(std::move(*file));
}

}  // namespace topgun::host
