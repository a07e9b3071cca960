// Calls that open and close descriptors and change names, in the place of libc's.

#include <dlfcn.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/mman.h>

#include <cerrno>
#include <cstring>

#include "tests/server/powerloss/shim.hpp"
#include "tests/server/powerloss/system_calls.hpp"

#define TOPGUN_EXPORT extern "C" __attribute__((visibility("default")))

namespace topgun::powerloss {
namespace {

bool exists(int directory, const char* path) {
  struct stat status {};
  return ::fstatat(directory, path, &status, AT_SYMLINK_NOFOLLOW) == 0;
}

int refuse(int error_number) {
  errno = error_number;
  return -1;
}

/// A descriptor of the file behind `fd` that can be read, whatever `fd` itself can do.
int reopen_for_reading(int fd, int flags) {
  const std::string path = "/proc/self/fd/" + std::to_string(fd);
  return sys::openat(AT_FDCWD, path.c_str(), O_RDONLY | O_CLOEXEC | flags);
}

bool lacks_space_for_a_name(Control& control) {
  if (control.space == Space::Enough) return false;
  control.full_writes_refused += 1;
  return true;
}

/// The node behind a descriptor that was just opened; null if it is not ours.
NodePtr find_opened(Shim& shim, int fd, const Shim::Place& place) {
  struct stat status {};
  if (::fstat(fd, &status) != 0) return nullptr;
  NodePtr node = shim.image().find(status);
  if (!node && place.directory && (S_ISREG(status.st_mode) || S_ISDIR(status.st_mode))) {
    give_up(place.name + " was made by a call we do not know");
  }
  return node;
}

int open_watched(Shim& shim, int directory, const char* path, int flags, mode_t mode) {
  const auto held = shim.lock();
  const Shim::Place place = shim.place_of(directory, path);
  if (place.directory && (flags & O_TMPFILE) == O_TMPFILE) give_up("O_TMPFILE");
  const bool creates = place.directory && (flags & O_CREAT) != 0 && !exists(directory, path);
  if (creates) {
    shim.before(Call::Create, place.name);
    if (lacks_space_for_a_name(shim.control())) return refuse(ENOSPC);
  }
  struct stat before {};
  const bool truncates = (flags & O_TRUNC) != 0 && !creates && place.directory &&
                         ::fstatat(directory, path, &before, 0) == 0;
  const int fd = sys::openat(directory, path, flags, mode);
  if (fd < 0) return fd;
  const int kept_errno = errno;
  NodePtr node;
  if (creates) {
    node = shim.image().adopt(reopen_for_reading(fd, 0), place.name);
    shim.image().created(place.directory, place.name, node);
  } else {
    node = find_opened(shim, fd, place);
  }
  shim.attach(fd, node.get());
  if (node && place.directory) node->name = place.name;
  if (node && truncates) {
    shim.image().resized(*node, static_cast<uint64_t>(before.st_size), 0);
  }
  if (creates) shim.after();
  errno = kept_errno;
  return fd;
}

int open_any(int directory, const char* path, int flags, mode_t mode) {
  Shim* const shim = Shim::get();
  if (shim == nullptr) return sys::openat(directory, path, flags, mode);
  return open_watched(*shim, directory, path, flags, mode);
}

int rename_any(int from_directory, const char* from, int to_directory, const char* to,
               unsigned flags) {
  Shim* const shim = Shim::get();
  if (shim == nullptr) return sys::renameat2(from_directory, from, to_directory, to, flags);
  const auto held = shim->lock();
  const Shim::Place old_place = shim->place_of(from_directory, from);
  const Shim::Place new_place = shim->place_of(to_directory, to);
  if (!old_place.directory && !new_place.directory) {
    return sys::renameat2(from_directory, from, to_directory, to, flags);
  }
  if (!old_place.directory || !new_place.directory) give_up("a rename across the border");
  if ((flags & ~static_cast<unsigned>(RENAME_NOREPLACE)) != 0) give_up("an exotic rename");
  struct stat status {};
  if (::fstatat(from_directory, from, &status, AT_SYMLINK_NOFOLLOW) != 0) return -1;
  shim->before(Call::Rename, old_place.name);
  const int result = sys::renameat2(from_directory, from, to_directory, to, flags);
  if (result != 0) return result;
  if (const NodePtr node = shim->image().find(status)) node->name = new_place.name;
  shim->image().renamed(old_place.directory, old_place.name, new_place.directory, new_place.name);
  shim->after();
  return 0;
}

int unlink_any(int directory, const char* path, int flags) {
  Shim* const shim = Shim::get();
  if (shim == nullptr) return sys::unlinkat(directory, path, flags);
  const auto held = shim->lock();
  const Shim::Place place = shim->place_of(directory, path);
  if (!place.directory) return sys::unlinkat(directory, path, flags);
  if ((flags & AT_REMOVEDIR) != 0) give_up("rmdir");
  shim->before(Call::Unlink, place.name);
  const int result = sys::unlinkat(directory, path, flags);
  if (result != 0) return result;
  shim->image().unlinked(place.directory, place.name);
  shim->after();
  return 0;
}

int mkdir_any(int directory, const char* path, mode_t mode) {
  Shim* const shim = Shim::get();
  if (shim == nullptr) return sys::mkdirat(directory, path, mode);
  const auto held = shim->lock();
  const Shim::Place place = shim->place_of(directory, path);
  if (!place.directory) return sys::mkdirat(directory, path, mode);
  if (exists(directory, path)) return refuse(EEXIST);
  shim->before(Call::Create, place.name);
  if (lacks_space_for_a_name(shim->control())) return refuse(ENOSPC);
  const int result = sys::mkdirat(directory, path, mode);
  if (result != 0) return result;
  const int fd = sys::openat(directory, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  shim->image().created(place.directory, place.name, shim->image().adopt(fd, place.name));
  shim->after();
  return 0;
}

int link_any(int from_directory, const char* from, int to_directory, const char* to, int flags) {
  Shim* const shim = Shim::get();
  if (shim == nullptr) return sys::linkat(from_directory, from, to_directory, to, flags);
  const auto held = shim->lock();
  const Shim::Place place = shim->place_of(to_directory, to);
  struct stat status {};
  const bool is_there = ::fstatat(from_directory, from, &status, AT_SYMLINK_NOFOLLOW) == 0;
  const int result = sys::linkat(from_directory, from, to_directory, to, flags);
  if (result != 0 || !place.directory) return result;
  const NodePtr node = is_there ? shim->image().find(status) : nullptr;
  if (!node) give_up("a link across the border");
  shim->image().linked(place.directory, place.name, node);
  return 0;
}

int close_any(int fd) {
  Shim* const shim = Shim::get();
  if (shim != nullptr && shim->watched(fd) != nullptr) {
    // Before the number is free: another thread may get it at once.
    const auto held = shim->lock();
    shim->attach(fd, nullptr);
  }
  return sys::close(fd);
}

/// After a call that made `copy` another descriptor of `fd`.
int duplicated(int fd, int copy) {
  Shim* const shim = Shim::get();
  if (shim == nullptr || copy < 0 || copy == fd) return copy;
  if (shim->watched(fd) == nullptr && shim->watched(copy) == nullptr) return copy;
  const auto held = shim->lock();
  shim->attach(copy, shim->watched(fd));
  return copy;
}

mode_t mode_argument(int flags, va_list arguments) {
  const bool has_mode = (flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE;
  return has_mode ? static_cast<mode_t>(va_arg(arguments, unsigned)) : 0;
}

/// Streams write past us, inside of libc.
FILE* open_stream(const char* name, const char* path, const char* mode) {
  if (Shim* const shim = Shim::get(); shim != nullptr && std::strpbrk(mode, "wa+") != nullptr) {
    const auto held = shim->lock();
    if (shim->place_of(AT_FDCWD, path).directory) give_up("fopen for writing");
  }
  return reinterpret_cast<FILE* (*)(const char*, const char*)>(::dlsym(RTLD_NEXT, name))(path,
                                                                                         mode);
}

}  // namespace
}  // namespace topgun::powerloss

using namespace topgun::powerloss;

TOPGUN_EXPORT int open(const char* path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = mode_argument(flags, arguments);
  va_end(arguments);
  return open_any(AT_FDCWD, path, flags, mode);
}
TOPGUN_EXPORT int open64(const char* path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = mode_argument(flags, arguments);
  va_end(arguments);
  return open_any(AT_FDCWD, path, flags, mode);
}
TOPGUN_EXPORT int openat(int directory, const char* path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = mode_argument(flags, arguments);
  va_end(arguments);
  return open_any(directory, path, flags, mode);
}
TOPGUN_EXPORT int openat64(int directory, const char* path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = mode_argument(flags, arguments);
  va_end(arguments);
  return open_any(directory, path, flags, mode);
}
// What the calls above become where _FORTIFY_SOURCE is on.
// NOLINTNEXTLINE(readability-identifier-naming): glibc's name.
TOPGUN_EXPORT int __open_2(const char* path, int flags) {
  return open_any(AT_FDCWD, path, flags, 0);
}
// NOLINTNEXTLINE(readability-identifier-naming): glibc's name.
TOPGUN_EXPORT int __open64_2(const char* path, int flags) {
  return open_any(AT_FDCWD, path, flags, 0);
}
// NOLINTNEXTLINE(readability-identifier-naming): glibc's name.
TOPGUN_EXPORT int __openat_2(int directory, const char* path, int flags) {
  return open_any(directory, path, flags, 0);
}
// NOLINTNEXTLINE(readability-identifier-naming): glibc's name.
TOPGUN_EXPORT int __openat64_2(int directory, const char* path, int flags) {
  return open_any(directory, path, flags, 0);
}
TOPGUN_EXPORT int creat(const char* path, mode_t mode) {
  return open_any(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode);
}
TOPGUN_EXPORT int creat64(const char* path, mode_t mode) {
  return open_any(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode);
}
TOPGUN_EXPORT FILE* fopen(const char* path, const char* mode) {
  return open_stream("fopen", path, mode);
}
TOPGUN_EXPORT FILE* fopen64(const char* path, const char* mode) {
  return open_stream("fopen64", path, mode);
}

TOPGUN_EXPORT int close(int fd) { return close_any(fd); }
TOPGUN_EXPORT int dup(int fd) noexcept {
  return duplicated(fd, static_cast<int>(::syscall(SYS_dup, fd)));
}
TOPGUN_EXPORT int dup2(int fd, int copy) noexcept {
  return duplicated(fd, static_cast<int>(::syscall(SYS_dup2, fd, copy)));
}
TOPGUN_EXPORT int dup3(int fd, int copy, int flags) noexcept {
  return duplicated(fd, static_cast<int>(::syscall(SYS_dup3, fd, copy, flags)));
}
TOPGUN_EXPORT int fcntl(int fd, int command, ...) {
  va_list arguments;
  va_start(arguments, command);
  void* const argument = va_arg(arguments, void*);
  va_end(arguments);
  const int result = static_cast<int>(::syscall(SYS_fcntl, fd, command, argument));
  const bool duplicates = command == F_DUPFD || command == F_DUPFD_CLOEXEC;
  return duplicates ? duplicated(fd, result) : result;
}
TOPGUN_EXPORT int fcntl64(int fd, int command, ...) {
  va_list arguments;
  va_start(arguments, command);
  void* const argument = va_arg(arguments, void*);
  va_end(arguments);
  const int result = static_cast<int>(::syscall(SYS_fcntl, fd, command, argument));
  const bool duplicates = command == F_DUPFD || command == F_DUPFD_CLOEXEC;
  return duplicates ? duplicated(fd, result) : result;
}

TOPGUN_EXPORT int rename(const char* from, const char* to) noexcept {
  return rename_any(AT_FDCWD, from, AT_FDCWD, to, 0);
}
TOPGUN_EXPORT int renameat(int from_directory, const char* from, int to_directory,
                           const char* to) noexcept {
  return rename_any(from_directory, from, to_directory, to, 0);
}
TOPGUN_EXPORT int renameat2(int from_directory, const char* from, int to_directory, const char* to,
                            unsigned flags) noexcept {
  return rename_any(from_directory, from, to_directory, to, flags);
}
TOPGUN_EXPORT int unlink(const char* path) noexcept { return unlink_any(AT_FDCWD, path, 0); }
TOPGUN_EXPORT int unlinkat(int directory, const char* path, int flags) noexcept {
  return unlink_any(directory, path, flags);
}
TOPGUN_EXPORT int rmdir(const char* path) noexcept {
  return unlink_any(AT_FDCWD, path, AT_REMOVEDIR);
}
TOPGUN_EXPORT int remove(const char* path) noexcept {
  const int result = unlink_any(AT_FDCWD, path, 0);
  return result != 0 && errno == EISDIR ? unlink_any(AT_FDCWD, path, AT_REMOVEDIR) : result;
}
TOPGUN_EXPORT int mkdir(const char* path, mode_t mode) noexcept {
  return mkdir_any(AT_FDCWD, path, mode);
}
TOPGUN_EXPORT int mkdirat(int directory, const char* path, mode_t mode) noexcept {
  return mkdir_any(directory, path, mode);
}
TOPGUN_EXPORT int link(const char* from, const char* to) noexcept {
  return link_any(AT_FDCWD, from, AT_FDCWD, to, 0);
}
TOPGUN_EXPORT int linkat(int from_directory, const char* from, int to_directory, const char* to,
                         int flags) noexcept {
  return link_any(from_directory, from, to_directory, to, flags);
}
TOPGUN_EXPORT int symlink(const char* target, const char* path) noexcept {
  if (Shim* const shim = Shim::get(); shim != nullptr) {
    const auto held = shim->lock();
    if (shim->place_of(AT_FDCWD, path).directory) give_up("symlink");
  }
  return static_cast<int>(::syscall(SYS_symlink, target, path));
}
