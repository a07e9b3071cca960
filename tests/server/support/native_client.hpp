#pragma once

#include <map>
#include <optional>

#include "core/sync/batch.hpp"
#include "core/sync/messages.hpp"
#include "tests/server/support/websocket_client.hpp"

namespace topgun::test {

/// A client of the native protocol that does one thing at a time and waits for the answer.
class NativeClient {
 public:
  NativeClient(uint16_t port, uint64_t replica, std::string_view token = {});

  /// Whether Welcome came; if not, `error` tells what did.
  bool welcomed() const { return welcomed_; }
  std::optional<Error> error() const { return error_; }

  /// Writes one key of an LWW map and returns its sequence. The value is text.
  uint64_t set(std::string_view map, std::string_view key, std::string_view value);

  /// Waits until the node has acked `sequence` at `level`; false if it was rejected or never came.
  bool wait_ack(uint64_t sequence, AckLevel level);

  /// Subscribes without any state and returns the map's content once it is Synced.
  std::map<std::string, std::string> read_map(std::string_view map);

  /// The error of the latest Reject.
  std::optional<Error> rejected_with() const { return rejected_with_; }

  /// Waits for an Error message or the end of the connection.
  std::optional<Error> wait_error();

  WebSocketClient& socket() { return socket_; }

 private:
  /// Handles one frame; false when none came in time.
  bool step();
  void take(const MessageView& message);
  void send(const Bytes& frame) { socket_.send(frame); }

  WebSocketClient socket_;
  uint64_t replica_;
  uint64_t sequence_ = 0;
  bool welcomed_ = false;
  bool synced_ = false;
  std::optional<Error> error_;
  std::optional<Error> rejected_with_;
  uint64_t rejected_to_ = 0;
  std::map<AckLevel, uint64_t> acked_;
  std::map<std::string, std::string> records_;
};

}  // namespace topgun::test
