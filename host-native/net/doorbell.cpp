#include "host-native/net/doorbell.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cstdint>

#include "core/base/assert.hpp"

namespace topgun::host {

Doorbell::Doorbell() : fd_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) { TG_ASSERT(fd_ >= 0); }

Doorbell::~Doorbell() { close(fd_); }

void Doorbell::write_wake() {
  const uint64_t one = 1;
  // Fails only when the counter is about to overflow, and then it is readable already.
  [[maybe_unused]] const ssize_t written = write(fd_, &one, sizeof(one));
}

void Doorbell::silence() {
  uint64_t count;
  [[maybe_unused]] const ssize_t got = read(fd_, &count, sizeof(count));
}

}  // namespace topgun::host
