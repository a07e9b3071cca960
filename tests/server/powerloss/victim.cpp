// Does to files what its arguments say and prints after each whether it worked: the program that
// loses power in tests/server/powerloss/powerloss_test.cpp.
//
//   topgun-powerloss-victim STEP...
//
// A step is a verb and its words, separated by colons: write:name:offset:text, sync:name, die.
// Files stay open from their first mention on.

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <map>
#include <string>
#include <thread>
#include <vector>

namespace {

using Words = std::vector<std::string>;

std::map<std::string, int> g_open;

int file(const std::string& name, int flags = 0) {
  const auto known = g_open.find(name);
  if (known != g_open.end()) return known->second;
  const int fd = ::open(name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | flags, 0644);
  if (fd >= 0) g_open[name] = fd;
  return fd;
}

int number(const std::string& word) { return std::atoi(word.c_str()); }

int sync_directory(const std::string& name) {
  const int fd = ::open(name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const int result = ::fsync(fd);
  ::close(fd);
  return result;
}

int print(const std::string& name) {
  char buffer[256];
  const ssize_t got = ::pread(file(name), buffer, sizeof(buffer), 0);
  if (got < 0) return -1;
  std::printf("%.*s\n", static_cast<int>(got), buffer);
  return 0;
}

/// Many threads, each with a file of its own that it writes and syncs again and again.
int race(int threads) {
  std::vector<std::thread> all;
  for (int i = 0; i < threads; ++i) {
    all.emplace_back([i] {
      const std::string name = "racer-" + std::to_string(i);
      const int fd = ::open(name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
      for (int round = 0; round < 50; ++round) {
        const std::string text = std::to_string(100 + round);
        (void)!::pwrite(fd, text.data(), text.size(), round * 3);
        const int copy = ::dup(fd);
        ::fdatasync(copy);
        ::close(copy);
      }
      ::close(fd);
      sync_directory(".");
    });
  }
  for (std::thread& each : all) each.join();
  return 0;
}

/// 0, or -1 with errno, or the number of bytes.
long perform(const Words& step) {
  const std::string& verb = step[0];
  const auto word = [&](size_t i) { return i < step.size() ? step[i] : std::string(); };
  const std::string name = word(1);
  if (verb == "write" || verb == "write-synced") {
    const std::string text = word(3);
    const int fd = file(name, verb == "write" ? 0 : O_DSYNC);
    return fd < 0 ? -1 : ::pwrite(fd, text.data(), text.size(), number(word(2)));
  }
  if (verb == "fill") {
    const std::string text(static_cast<size_t>(number(word(2))), word(3)[0]);
    return ::pwrite(file(name), text.data(), text.size(), 0);
  }
  if (verb == "append") {
    std::string left = word(2);
    std::string right = word(3);
    const int fd = ::open(name.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    const iovec parts[] = {{left.data(), left.size()}, {right.data(), right.size()}};
    const ssize_t written = ::writev(fd, parts, 2);
    ::close(fd);
    return written;
  }
  if (verb == "sync") return ::fdatasync(file(name));
  if (verb == "sync-directory") return sync_directory(name);
  if (verb == "rename") return ::rename(name.c_str(), word(2).c_str());
  if (verb == "unlink") return ::unlink(name.c_str());
  if (verb == "mkdir") return ::mkdir(name.c_str(), 0755);
  if (verb == "truncate") return ::ftruncate(file(name), number(word(2)));
  if (verb == "allocate") {
    errno = ::posix_fallocate(file(name), 0, number(word(2)));
    return errno == 0 ? 0 : -1;
  }
  if (verb == "print") return print(name);
  if (verb == "race") return race(number(name));
  if (verb == "map") {
    void* const at = ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, file(name), 0);
    return at == MAP_FAILED ? -1 : 0;
  }
  if (verb == "stream") return std::fopen(name.c_str(), "w") == nullptr ? -1 : 0;
  if (verb == "die") return ::kill(::getpid(), SIGKILL);
  errno = EINVAL;
  return -1;
}

}  // namespace

int main(int argc, char** argv) {
  ::setvbuf(stdout, nullptr, _IONBF, 0);
  for (int i = 1; i < argc; ++i) {
    Words words(1);
    for (const char* c = argv[i]; *c != 0; ++c) {
      if (*c == ':') {
        words.emplace_back();
      } else {
        words.back() += *c;
      }
    }
    const long result = perform(words);
    if (result >= 0) {
      std::printf("%s %ld\n", words[0].c_str(), result);
    } else {
      std::printf("%s %s\n", words[0].c_str(), ::strerrorname_np(errno));
    }
  }
}
