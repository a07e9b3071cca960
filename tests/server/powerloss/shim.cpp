#include "tests/server/powerloss/shim.hpp"

#include <fnmatch.h>
#include <signal.h>
#include <sys/mman.h>
#include <time.h>

#include <cerrno>
#include <cstdlib>

#include "tests/server/powerloss/system_calls.hpp"

namespace topgun::powerloss {
namespace {

Shim* g_shim = nullptr;
Control* g_control = nullptr;

Control* map_control(const char* path) {
  const int fd = sys::openat(AT_FDCWD, path, O_RDWR | O_CLOEXEC);
  struct stat status {};
  if (fd < 0 || ::fstat(fd, &status) != 0 ||
      static_cast<size_t>(status.st_size) != sizeof(Control)) {
    give_up("no control block");
  }
  void* const block = ::mmap(nullptr, sizeof(Control), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  sys::close(fd);
  if (block == MAP_FAILED) give_up("the control block cannot be mapped");
  return static_cast<Control*>(block);
}

__attribute__((constructor)) void start() {
  const char* const directory = std::getenv(kDirectoryVariable);
  const char* const image = std::getenv(kImageVariable);
  const char* const control = std::getenv(kControlVariable);
  if (directory == nullptr || image == nullptr || control == nullptr) return;
  Control* const block = map_control(control);
  if (block->magic != Control::kMagic) give_up("the control block is of another kind");
  if (block->process != 0) return;  // A child of the program that is watched.
  g_control = block;
  g_shim = new Shim(directory, image, *block);
  block->process = ::getpid();
}

}  // namespace

void give_up(const std::string& why) {
  std::string line = "power-loss shim: ";
  line += why;
  line += '\n';
  (void)::syscall(SYS_write, STDERR_FILENO, line.data(), line.size());
  if (g_control != nullptr) g_control->gave_up = true;
  ::abort();
}

Shim* Shim::get() { return g_shim; }

Shim::Shim(const std::string& directory, const std::string& image, Control& control)
    : control_(control), image_(directory, image, control.mode, control.seed) {}

Node* Shim::watched(int fd) const {
  const auto index = static_cast<size_t>(fd);
  return fd >= 0 && index < kDescriptorsMax ? descriptors_[index].load() : nullptr;
}

void Shim::attach(int fd, Node* node) {
  const auto index = static_cast<size_t>(fd);
  if (fd < 0 || index >= kDescriptorsMax) {
    if (node != nullptr) give_up("a descriptor beyond the table");
    return;
  }
  if (node != nullptr) node->open_count += 1;
  Node* const before = descriptors_[index].exchange(node);
  if (before != nullptr) before->open_count -= 1;
}

Shim::Place Shim::place_of(int directory, const char* path) const {
  std::string full(path);
  while (full.size() > 1 && full.back() == '/') full.pop_back();
  const size_t slash = full.find_last_of('/');
  std::string parent = slash == std::string::npos ? "." : full.substr(0, slash);
  if (parent.empty()) parent.push_back('/');
  struct stat status {};
  if (::fstatat(directory, parent.c_str(), &status, 0) != 0) return {};
  return {image_.find(status), slash == std::string::npos ? full : full.substr(slash + 1)};
}

bool Shim::fires(Trigger& trigger, const std::string& name) {
  if (trigger.count == 0) return false;
  if (trigger.pattern[0] != 0 && ::fnmatch(trigger.pattern.data(), name.c_str(), 0) != 0) {
    return false;
  }
  if (trigger.skip > 0) {
    trigger.skip -= 1;
    return false;
  }
  // The test may disarm it at this very moment; what is 0 stays 0.
  uint64_t left = trigger.count;
  while (left != 0 && !trigger.count.compare_exchange_weak(left, left - 1)) {
  }
  return left != 0;
}

void Shim::before(Call call, const std::string& name) {
  control_.calls[static_cast<size_t>(call)] += 1;
  is_hit_ = control_.aim_call == call && fires(control_.aim, name);
  if (is_hit_ && control_.aim_when == When::Before) die();
}

bool Shim::is_halfway() const { return is_hit_ && control_.aim_when == When::During; }

void Shim::after() {
  if (is_hit_) die();
}

void Shim::die() {
  control_.killed = true;
  ::kill(::getpid(), SIGKILL);
  for (;;) ::pause();
}

int Shim::sync(int fd) {
  Node* const node = watched(fd);
  if (const uint32_t delay_us = control_.sync_delay_us; delay_us > 0) {
    const timespec delay{delay_us / 1'000'000, static_cast<long>(delay_us % 1'000'000) * 1000};
    ::nanosleep(&delay, nullptr);
  }
  const auto held = lock();
  return sync_locked(*node);
}

int Shim::sync_locked(Node& node) {
  before(node.is_directory ? Call::SyncDirectory : Call::Sync, node.name);
  if (fires(control_.fail_sync, node.name)) {
    image_.lose_dirty(node);
    return EIO;
  }
  if (node.is_directory) {
    image_.sync_directory(node);
  } else if (is_halfway()) {
    image_.sync_part(node);
  } else {
    image_.sync(node);
    if (control_.verify && !node.has_lost_data && !image_.is_in_step(node)) {
      give_up(node.name + " holds bytes that no call we know has written");
    }
  }
  after();
  return 0;
}

}  // namespace topgun::powerloss
