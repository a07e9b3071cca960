#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace topgun::test {

/// A server in a process of its own.
class ServerProcess {
 public:
  struct Options {
    std::string program;
    std::string data_directory;
    // Small segments and frequent checkpoints, so that kills hit rotation, recycling and the
    // checkpoint's transactions as well.
    uint64_t segment_bytes = 1 << 20;
    uint64_t checkpoint_interval_ms = 100;
    std::vector<std::pair<std::string, std::string>> environment = {};
  };

  /// Starts a server and waits until it names its port. `port() == 0` if it ended instead.
  explicit ServerProcess(const Options& options);
  ~ServerProcess() { kill(); }
  ServerProcess(const ServerProcess&) = delete;
  ServerProcess& operator=(const ServerProcess&) = delete;

  uint16_t port() const { return port_; }

  /// Whether it has ended by itself.
  bool has_ended();
  /// SIGKILL, and waits for the end. Idempotent.
  void kill();
  /// SIGTERM, and waits for the end; whether it ended with success.
  bool stop();

 private:
  pid_t process_ = -1;
  uint16_t port_ = 0;
};

}  // namespace topgun::test
