// Calls that read, write, resize and sync files, in the place of libc's.

#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/uio.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <vector>

#include "tests/server/powerloss/shim.hpp"
#include "tests/server/powerloss/system_calls.hpp"

#define TOPGUN_EXPORT extern "C" __attribute__((visibility("default")))

namespace topgun::powerloss {
namespace {

uint64_t size_of(int fd) {
  struct stat status {};
  return ::fstat(fd, &status) == 0 ? static_cast<uint64_t>(status.st_size) : 0;
}

/// The node behind `fd`; null most of the time, and without a lock.
Node* watched(int fd) {
  Shim* const shim = Shim::get();
  return shim == nullptr ? nullptr : shim->watched(fd);
}

/// How many bytes of a write a device without space takes.
size_t room_for(Control& control, int fd, uint64_t offset, size_t bytes) {
  const Space space = control.space;
  if (space == Space::Enough) return bytes;
  const uint64_t size = space == Space::None ? 0 : size_of(fd);
  if (offset + bytes <= size) return bytes;
  control.full_writes_refused += 1;
  return offset < size ? static_cast<size_t>(size - offset) : 0;
}

/// A write at `offset`, or where the descriptor stands.
ssize_t write_watched(int fd, const void* data, size_t bytes, std::optional<uint64_t> offset) {
  Shim& shim = *Shim::get();
  const auto held = shim.lock();
  Node& node = *shim.watched(fd);
  const auto flags = static_cast<int>(::syscall(SYS_fcntl, fd, F_GETFL));
  uint64_t begin = offset.value_or(static_cast<uint64_t>(::lseek(fd, 0, SEEK_CUR)));
  if ((flags & O_APPEND) != 0) begin = size_of(fd);
  shim.before(Call::Write, node.name);
  if (bytes > 1 && Shim::fires(shim.control().short_write, node.name)) bytes /= 2;
  const size_t room = room_for(shim.control(), fd, begin, bytes);
  if (room == 0 && bytes > 0) {
    errno = ENOSPC;
    return -1;
  }
  const ssize_t written =
      offset ? sys::pwrite(fd, data, room, begin) : ::syscall(SYS_write, fd, data, room);
  if (written <= 0) return written;
  shim.image().wrote(node, begin, begin + static_cast<uint64_t>(written));
  shim.after();
  if ((flags & O_DSYNC) == 0) return written;
  const int failure = shim.sync_locked(node);
  if (failure == 0) return written;
  errno = failure;
  return -1;
}

ssize_t write_vector_watched(int fd, const iovec* parts, int count,
                             std::optional<uint64_t> offset) {
  std::vector<uint8_t> all;
  for (int i = 0; i < count; ++i) {
    const auto* const data = static_cast<const uint8_t*>(parts[i].iov_base);
    all.insert(all.end(), data, data + parts[i].iov_len);
  }
  return write_watched(fd, all.data(), all.size(), offset);
}

ssize_t pwrite_any(int fd, const void* data, size_t bytes, off64_t offset) {
  if (watched(fd) == nullptr) return sys::pwrite(fd, data, bytes, static_cast<uint64_t>(offset));
  return write_watched(fd, data, bytes, static_cast<uint64_t>(offset));
}

ssize_t pwritev_any(int fd, const iovec* parts, int count, off64_t offset) {
  if (watched(fd) != nullptr) {
    return write_vector_watched(fd, parts, count, static_cast<uint64_t>(offset));
  }
  return ::syscall(SYS_pwritev, fd, parts, count, offset, 0);
}

/// Whether the test wants this read to fail.
bool read_fails(int fd) {
  const Node* const node = watched(fd);
  if (node == nullptr || node->is_directory) return false;
  Shim& shim = *Shim::get();
  const auto held = shim.lock();
  if (!Shim::fires(shim.control().fail_read, node->name)) return false;
  errno = EIO;
  return true;
}

ssize_t pread_any(int fd, void* buffer, size_t bytes, off64_t offset) {
  return read_fails(fd) ? -1 : sys::pread(fd, buffer, bytes, static_cast<uint64_t>(offset));
}

int truncate_any(int fd, off64_t size) {
  Node* const node = watched(fd);
  if (node == nullptr) return sys::ftruncate(fd, static_cast<uint64_t>(size));
  Shim& shim = *Shim::get();
  const auto held = shim.lock();
  shim.before(Call::Resize, node->name);
  const uint64_t before = size_of(fd);
  const int result = sys::ftruncate(fd, static_cast<uint64_t>(size));
  if (result != 0) return result;
  shim.image().resized(*node, before, static_cast<uint64_t>(size));
  shim.after();
  return 0;
}

int allocate_any(int fd, int mode, off64_t offset, off64_t bytes) {
  const auto begin = static_cast<uint64_t>(offset);
  const uint64_t end = begin + static_cast<uint64_t>(bytes);
  Node* const node = watched(fd);
  if (node == nullptr) return sys::fallocate(fd, mode, begin, end - begin);
  if ((mode & ~FALLOC_FL_KEEP_SIZE) != 0) give_up("an exotic fallocate");
  Shim& shim = *Shim::get();
  const auto held = shim.lock();
  shim.before(Call::Resize, node->name);
  const uint64_t before = size_of(fd);
  if (shim.control().space != Space::Enough && end > before) {
    shim.control().full_writes_refused += 1;
    errno = ENOSPC;
    return -1;
  }
  int result = sys::fallocate(fd, mode, begin, end - begin);
  if (result != 0 && errno == EOPNOTSUPP && mode == 0) {
    // libc would write a byte into each block; a longer file is all that matters here.
    result = end > before ? sys::ftruncate(fd, end) : 0;
  }
  if (result != 0) return result;
  const uint64_t after = size_of(fd);
  if (after != before) shim.image().resized(*node, before, after);
  shim.after();
  return 0;
}

int sync_any(int fd, long call) {
  if (watched(fd) == nullptr) return static_cast<int>(::syscall(call, fd));
  const int failure = Shim::get()->sync(fd);
  if (failure == 0) return 0;
  errno = failure;
  return -1;
}

void* map_any(void* address, size_t bytes, int protection, int flags, int fd, off64_t offset) {
  const Node* const node = (flags & MAP_ANONYMOUS) != 0 ? nullptr : watched(fd);
  const bool writes_through = (flags & MAP_SHARED) != 0 && (protection & PROT_WRITE) != 0;
  // The shared memory of SQLite's WAL is made anew after every crash; all other stores through a
  // map would escape us.
  if (node != nullptr && writes_through && !node->name.ends_with("-shm")) {
    give_up(node->name + " is mapped for writing");
  }
  return reinterpret_cast<void*>(
      ::syscall(SYS_mmap, address, bytes, protection, flags, fd, offset));
}

/// Ways into a file that our server has no use for.
void refuse_target(int fd, const char* call) {
  if (watched(fd) != nullptr) give_up(std::string(call) + " into a file");
}

}  // namespace
}  // namespace topgun::powerloss

using namespace topgun::powerloss;

TOPGUN_EXPORT ssize_t write(int fd, const void* data, size_t bytes) {
  if (watched(fd) == nullptr) return ::syscall(SYS_write, fd, data, bytes);
  return write_watched(fd, data, bytes, std::nullopt);
}
TOPGUN_EXPORT ssize_t pwrite(int fd, const void* data, size_t bytes, off_t offset) {
  return pwrite_any(fd, data, bytes, offset);
}
TOPGUN_EXPORT ssize_t pwrite64(int fd, const void* data, size_t bytes, off64_t offset) {
  return pwrite_any(fd, data, bytes, offset);
}
TOPGUN_EXPORT ssize_t writev(int fd, const iovec* parts, int count) {
  if (watched(fd) == nullptr) return ::syscall(SYS_writev, fd, parts, count);
  return write_vector_watched(fd, parts, count, std::nullopt);
}
TOPGUN_EXPORT ssize_t pwritev(int fd, const iovec* parts, int count, off_t offset) {
  return pwritev_any(fd, parts, count, offset);
}
TOPGUN_EXPORT ssize_t pwritev64(int fd, const iovec* parts, int count, off64_t offset) {
  return pwritev_any(fd, parts, count, offset);
}
TOPGUN_EXPORT ssize_t pwritev2(int fd, const iovec* parts, int count, off_t offset, int flags) {
  refuse_target(fd, "pwritev2");
  return ::syscall(SYS_pwritev2, fd, parts, count, offset, 0, flags);
}

TOPGUN_EXPORT ssize_t read(int fd, void* buffer, size_t bytes) {
  return read_fails(fd) ? -1 : ::syscall(SYS_read, fd, buffer, bytes);
}
TOPGUN_EXPORT ssize_t pread(int fd, void* buffer, size_t bytes, off_t offset) {
  return pread_any(fd, buffer, bytes, offset);
}
TOPGUN_EXPORT ssize_t pread64(int fd, void* buffer, size_t bytes, off64_t offset) {
  return pread_any(fd, buffer, bytes, offset);
}
// NOLINTNEXTLINE(readability-identifier-naming): glibc's name.
TOPGUN_EXPORT ssize_t __read_chk(int fd, void* buffer, size_t bytes, size_t) {
  return read_fails(fd) ? -1 : ::syscall(SYS_read, fd, buffer, bytes);
}
// NOLINTNEXTLINE(readability-identifier-naming): glibc's name.
TOPGUN_EXPORT ssize_t __pread_chk(int fd, void* buffer, size_t bytes, off_t offset, size_t) {
  return pread_any(fd, buffer, bytes, offset);
}
// NOLINTNEXTLINE(readability-identifier-naming): glibc's name.
TOPGUN_EXPORT ssize_t __pread64_chk(int fd, void* buffer, size_t bytes, off64_t offset, size_t) {
  return pread_any(fd, buffer, bytes, offset);
}
TOPGUN_EXPORT ssize_t readv(int fd, const iovec* parts, int count) {
  return read_fails(fd) ? -1 : ::syscall(SYS_readv, fd, parts, count);
}

TOPGUN_EXPORT int ftruncate(int fd, off_t size) noexcept { return truncate_any(fd, size); }
TOPGUN_EXPORT int ftruncate64(int fd, off64_t size) noexcept { return truncate_any(fd, size); }
TOPGUN_EXPORT int fallocate(int fd, int mode, off_t offset, off_t bytes) {
  return allocate_any(fd, mode, offset, bytes);
}
TOPGUN_EXPORT int fallocate64(int fd, int mode, off64_t offset, off64_t bytes) {
  return allocate_any(fd, mode, offset, bytes);
}
TOPGUN_EXPORT int posix_fallocate(int fd, off_t offset, off_t bytes) {
  return allocate_any(fd, 0, offset, bytes) == 0 ? 0 : errno;
}
TOPGUN_EXPORT int posix_fallocate64(int fd, off64_t offset, off64_t bytes) {
  return allocate_any(fd, 0, offset, bytes) == 0 ? 0 : errno;
}
TOPGUN_EXPORT int truncate(const char* path, off_t size) noexcept {
  if (Shim* const shim = Shim::get(); shim != nullptr) {
    const auto held = shim->lock();
    if (shim->place_of(AT_FDCWD, path).directory) give_up("truncate");
  }
  return static_cast<int>(::syscall(SYS_truncate, path, size));
}

TOPGUN_EXPORT int fsync(int fd) { return sync_any(fd, SYS_fsync); }
TOPGUN_EXPORT int fdatasync(int fd) { return sync_any(fd, SYS_fdatasync); }
TOPGUN_EXPORT void sync() noexcept {
  if (Shim* const shim = Shim::get(); shim != nullptr) {
    const auto held = shim->lock();
    shim->image().sync_everything();
  }
}
TOPGUN_EXPORT int syncfs(int fd) noexcept {
  if (watched(fd) == nullptr) return static_cast<int>(::syscall(SYS_syncfs, fd));
  const auto held = Shim::get()->lock();
  Shim::get()->image().sync_everything();
  return 0;
}
// sync_file_range writes to the device and makes nothing durable: it stays libc's.

TOPGUN_EXPORT void* mmap(void* address, size_t bytes, int protection, int flags, int fd,
                         off_t offset) noexcept {
  return map_any(address, bytes, protection, flags, fd, offset);
}
TOPGUN_EXPORT void* mmap64(void* address, size_t bytes, int protection, int flags, int fd,
                           off64_t offset) noexcept {
  return map_any(address, bytes, protection, flags, fd, offset);
}
TOPGUN_EXPORT ssize_t sendfile(int to, int from, off_t* offset, size_t bytes) noexcept {
  refuse_target(to, "sendfile");
  return ::syscall(SYS_sendfile, to, from, offset, bytes);
}
TOPGUN_EXPORT ssize_t sendfile64(int to, int from, off64_t* offset, size_t bytes) noexcept {
  refuse_target(to, "sendfile");
  return ::syscall(SYS_sendfile, to, from, offset, bytes);
}
TOPGUN_EXPORT ssize_t copy_file_range(int from, off64_t* from_offset, int to, off64_t* to_offset,
                                      size_t bytes, unsigned flags) {
  refuse_target(to, "copy_file_range");
  return ::syscall(SYS_copy_file_range, from, from_offset, to, to_offset, bytes, flags);
}
TOPGUN_EXPORT ssize_t splice(int from, off64_t* from_offset, int to, off64_t* to_offset,
                             size_t bytes, unsigned flags) {
  refuse_target(to, "splice");
  return ::syscall(SYS_splice, from, from_offset, to, to_offset, bytes, flags);
}
