#include "tests/server/powerloss/power_supply.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <new>

namespace topgun::powerloss {

PowerSupply::PowerSupply(std::string directory, std::string shim)
    : directory_(std::move(directory)), shim_(std::move(shim)) {
  std::filesystem::create_directories(directory_);
  prepare();
}

PowerSupply::~PowerSupply() {
  unmap();
  remove_image();
  ::unlink((directory_ + ".control").c_str());
}

Control& PowerSupply::prepare() {
  unmap();
  remove_image();
  // A new file each time: a process that is slow to die keeps the old one.
  const std::string path = directory_ + ".control";
  ::unlink(path.c_str());
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0 || ::ftruncate(fd, sizeof(Control)) != 0) std::abort();
  void* const block = ::mmap(nullptr, sizeof(Control), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (block == MAP_FAILED) std::abort();
  ::close(fd);
  control_ = new (block) Control;
  return *control_;
}

std::vector<std::pair<std::string, std::string>> PowerSupply::environment() const {
  return {{"LD_PRELOAD", shim_},
          {kDirectoryVariable, directory_},
          {kImageVariable, directory_ + ".image"},
          {kControlVariable, directory_ + ".control"}};
}

void PowerSupply::cut() {
  std::filesystem::remove_all(directory_);
  std::filesystem::rename(directory_ + ".image/tree", directory_);
  remove_image();
}

void PowerSupply::remove_image() const { std::filesystem::remove_all(directory_ + ".image"); }

void PowerSupply::unmap() {
  if (control_ != nullptr) ::munmap(control_, sizeof(Control));
  control_ = nullptr;
}

}  // namespace topgun::powerloss
