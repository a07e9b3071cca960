#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>

namespace topgun::test {

/// A server in a process of its own.
class ServerProcess {
 public:
  /// Starts `program` on `data_directory` and waits until it names its port. `port() == 0` if it
  /// ended instead.
  ServerProcess(const std::string& program, const std::string& data_directory);
  ~ServerProcess() { kill(); }
  ServerProcess(const ServerProcess&) = delete;
  ServerProcess& operator=(const ServerProcess&) = delete;

  uint16_t port() const { return port_; }

  /// SIGKILL, and waits for the end. Idempotent.
  void kill();
  /// SIGTERM, and waits for the end; whether it ended with success.
  bool stop();

 private:
  pid_t process_ = -1;
  uint16_t port_ = 0;
};

}  // namespace topgun::test
