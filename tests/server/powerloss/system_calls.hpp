#pragma once

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>

/// The calls that the shim takes the place of, past libc and so past the shim itself. They return
/// what libc's do and set errno.
namespace topgun::powerloss::sys {

inline int openat(int directory, const char* path, int flags, mode_t mode = 0) {
  return static_cast<int>(::syscall(SYS_openat, directory, path, flags, mode));
}
inline int close(int fd) { return static_cast<int>(::syscall(SYS_close, fd)); }
inline ssize_t pread(int fd, void* buffer, size_t bytes, uint64_t offset) {
  return ::syscall(SYS_pread64, fd, buffer, bytes, offset);
}
inline ssize_t pwrite(int fd, const void* data, size_t bytes, uint64_t offset) {
  return ::syscall(SYS_pwrite64, fd, data, bytes, offset);
}
inline int ftruncate(int fd, uint64_t size) {
  return static_cast<int>(::syscall(SYS_ftruncate, fd, size));
}
inline int fallocate(int fd, int mode, uint64_t offset, uint64_t bytes) {
  return static_cast<int>(::syscall(SYS_fallocate, fd, mode, offset, bytes));
}
inline int mkdirat(int directory, const char* path, mode_t mode) {
  return static_cast<int>(::syscall(SYS_mkdirat, directory, path, mode));
}
inline int unlinkat(int directory, const char* path, int flags) {
  return static_cast<int>(::syscall(SYS_unlinkat, directory, path, flags));
}
inline int renameat2(int from_directory, const char* from, int to_directory, const char* to,
                     unsigned flags) {
  return static_cast<int>(::syscall(SYS_renameat2, from_directory, from, to_directory, to, flags));
}
inline int linkat(int from_directory, const char* from, int to_directory, const char* to,
                  int flags) {
  return static_cast<int>(::syscall(SYS_linkat, from_directory, from, to_directory, to, flags));
}

}  // namespace topgun::powerloss::sys
