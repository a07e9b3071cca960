// Calls that the faulty server forgets or whose answer it ignores: mistakes that a kill alone never
// shows, and a loss of power does. Defined in the program itself, they come before libc's and those
// of the power-loss shim. TOPGUN_FAULT chooses:
//
//   ack-before-sync        every other sync of a log segment is left out, so that its entries count
//   as
//                          durable before they are.
//   no-directory-sync      directories are not synced: new, recycled and removed segments have
//   names
//                          that are not durable.
//   ignored-sync-error     a sync of a log segment that fails passes for one that worked.

#include <dlfcn.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <string>
#include <string_view>

namespace {

using SyncCall = int (*)(int);

bool is_fault(std::string_view name) {
  const char* const chosen = std::getenv("TOPGUN_FAULT");
  return chosen != nullptr && name == chosen;
}

bool is_directory(int fd) {
  struct stat status {};
  return ::fstat(fd, &status) == 0 && S_ISDIR(status.st_mode);
}

bool is_log_segment(int fd) {
  char path[4096];
  const std::string link = "/proc/self/fd/" + std::to_string(fd);
  const ssize_t bytes = ::readlink(link.c_str(), path, sizeof(path));
  return bytes > 0 && std::string_view(path, static_cast<size_t>(bytes)).ends_with(".log");
}

int sync_badly(const char* call, int fd) {
  static std::atomic<uint64_t> log_syncs{0};
  if (is_fault("no-directory-sync") && is_directory(fd)) return 0;
  const bool is_log = is_log_segment(fd);
  if (is_log && is_fault("ack-before-sync") && log_syncs++ % 2 == 0) return 0;
  const int result = reinterpret_cast<SyncCall>(::dlsym(RTLD_NEXT, call))(fd);
  return is_log && is_fault("ignored-sync-error") ? 0 : result;
}

}  // namespace

extern "C" int fsync(int fd) { return sync_badly("fsync", fd); }
extern "C" int fdatasync(int fd) { return sync_badly("fdatasync", fd); }
