#pragma once

#include <memory>

#include "core/base/bytes.hpp"
#include "core/client/query_port.hpp"

namespace topgun::client {

/// The client replica behind one flat byte interface (docs/engine-protocol.md): maps, outbox,
/// sessions, persistence. Sans-I/O: the host passes commands with the time and carries out the
/// events. Input that breaks the protocol is answered with an error code, never with a trap.
class Engine {
 public:
  /// Without `make_queries` the engine answers their commands with `UnknownMessage`.
  explicit Engine(MakeQueries make_queries = nullptr);
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  /// Runs the commands of `request` in order. The answer is valid until the next `exec`.
  ByteView exec(ByteView request);

  /// Takes the events gathered since the last call. Valid until the next `poll`.
  ByteView poll();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

/// Version of the byte protocol, to be compared by a binding before anything else.
inline constexpr uint32_t kEngineProtocolVersion = 1;

}  // namespace topgun::client
