#pragma once

#include <memory>
#include <string>

#include "host-native/server/config.hpp"

namespace topgun::host {

/// A running node: storage, shard threads and sockets, put together from a configuration.
class Server {
 public:
  struct Started;

  /// Recovers, listens and serves; returns when the node is ready.
  static Started start(const ServerConfig& config, const Logger& logger);

  /// Drains if `stop` was not called.
  ~Server();

  uint16_t port() const;

  /// Ends sessions, flushes what can be flushed, closes the log. Blocks for a few seconds at most.
  void stop();

 private:
  class Impl;
  explicit Server(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// A server, or why there is none.
struct Server::Started {
  std::unique_ptr<Server> server;
  std::string error;
};

}  // namespace topgun::host
