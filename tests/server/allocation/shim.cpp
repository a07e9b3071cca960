// Preloaded into a server: its Nth allocation fails, once or from then on. Counts all of the
// process from its start, so that a number finds the same place again as far as threads let it.
//
//   TOPGUN_FAIL_ALLOCATION=N[+]    the Nth; with a plus all from the Nth on
//   TOPGUN_ALLOCATIONS=FILE        says there, in 8 bytes, how many there were
//   TOPGUN_ALLOCATIONS_OF=all      those of C libraries too (SQLite, OpenSSL); else those of C++

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <new>

// What the C library's own functions are called by those that replace them.
// NOLINTBEGIN(readability-identifier-naming): the C library names them.
extern "C" {
void* __libc_malloc(size_t size);
void* __libc_calloc(size_t count, size_t size);
void* __libc_realloc(void* block, size_t size);
void* __libc_memalign(size_t alignment, size_t size);
}
// NOLINTEND(readability-identifier-naming)

namespace {

uint64_t first_to_fail = 0;  // 0 = none, or not known yet.
bool fails_from_there_on = false;
bool is_about_all = false;
std::atomic<uint64_t> counted_here{0};
std::atomic<uint64_t>* counted = &counted_here;

/// Allocations of the loader come before this; they are few and not counted.
__attribute__((constructor)) void read_plan() {
  const char* const whose = ::getenv("TOPGUN_ALLOCATIONS_OF");
  is_about_all = whose != nullptr && ::strcmp(whose, "all") == 0;
  if (const char* const path = ::getenv("TOPGUN_ALLOCATIONS")) {
    const int fd = ::open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0 || ::ftruncate(fd, sizeof(*counted)) != 0) ::abort();
    void* const block =
        ::mmap(nullptr, sizeof(*counted), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (block == MAP_FAILED) ::abort();
    ::close(fd);
    counted = static_cast<std::atomic<uint64_t>*>(block);
  }
  const char* const plan = ::getenv("TOPGUN_FAIL_ALLOCATION");
  if (plan == nullptr) return;
  fails_from_there_on = ::strchr(plan, '+') != nullptr;
  first_to_fail = ::strtoull(plan, nullptr, 10);
}

bool fails() {
  const uint64_t number = counted->fetch_add(1, std::memory_order_relaxed) + 1;
  if (first_to_fail == 0 || number < first_to_fail) return false;
  return fails_from_there_on || number == first_to_fail;
}

bool fails_in_c() { return is_about_all && fails(); }

/// As the standard library does it.
void* allocate(size_t size, size_t alignment) {
  if (size == 0) size = 1;
  for (;;) {
    if (!fails()) {
      void* const block = alignment == 0 ? __libc_malloc(size) : __libc_memalign(alignment, size);
      if (block != nullptr) return block;
    }
    const std::new_handler handler = std::get_new_handler();
    if (handler == nullptr) throw std::bad_alloc();
    handler();
  }
}

}  // namespace

__attribute__((visibility("default"))) void* operator new(size_t size) { return allocate(size, 0); }
__attribute__((visibility("default"))) void* operator new(size_t size, std::align_val_t alignment) {
  return allocate(size, static_cast<size_t>(alignment));
}
__attribute__((visibility("default"))) void operator delete(void* block) noexcept { ::free(block); }
__attribute__((visibility("default"))) void operator delete(void* block, size_t) noexcept {
  ::free(block);
}
__attribute__((visibility("default"))) void operator delete(void* block,
                                                            std::align_val_t) noexcept {
  ::free(block);
}
__attribute__((visibility("default"))) void operator delete(void* block, size_t,
                                                            std::align_val_t) noexcept {
  ::free(block);
}

extern "C" {

__attribute__((visibility("default"))) void* malloc(size_t size) {
  if (!fails_in_c()) return __libc_malloc(size);
  errno = ENOMEM;
  return nullptr;
}

__attribute__((visibility("default"))) void* calloc(size_t count, size_t size) {
  if (!fails_in_c()) return __libc_calloc(count, size);
  errno = ENOMEM;
  return nullptr;
}

__attribute__((visibility("default"))) void* realloc(void* block, size_t size) {
  if (size == 0 || !fails_in_c()) return __libc_realloc(block, size);
  errno = ENOMEM;
  return nullptr;
}

__attribute__((visibility("default"))) void* aligned_alloc(size_t alignment, size_t size) {
  if (!fails_in_c()) return __libc_memalign(alignment, size);
  errno = ENOMEM;
  return nullptr;
}

__attribute__((visibility("default"))) int posix_memalign(void** block, size_t alignment,
                                                          size_t size) {
  if (fails_in_c()) return ENOMEM;
  *block = __libc_memalign(alignment, size);
  return *block == nullptr ? ENOMEM : 0;
}

}  // extern "C"
