#pragma once

#include <doctest/doctest.h>

#include "host-native/server/server.hpp"

namespace topgun::test {

/// A quiet server in memory on a free port of 127.0.0.1, without tokens, with two shards.
inline host::ServerConfig quiet_config() {
  host::ServerConfig config;
  config.port = 0;
  config.shards = 2;
  config.auth = host::AuthMode::Off;
  config.log_level = host::LogLevel::Off;
  return config;
}

/// A server in this process; it is drained at the end of the scope.
class TestServer {
 public:
  explicit TestServer(const host::ServerConfig& config = quiet_config())
      : started_(host::Server::start(config, logger_)) {
    REQUIRE_MESSAGE(started_.server != nullptr, started_.error);
  }
  uint16_t port() const { return started_.server->port(); }
  void stop() { started_.server->stop(); }

 private:
  host::Logger logger_{host::LogLevel::Off};
  host::Server::Started started_;
};

}  // namespace topgun::test
