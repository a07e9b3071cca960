#pragma once

#include <wslay/wslay.h>

#include <deque>
#include <memory>
#include <optional>

#include "tests/server/support/test_socket.hpp"

namespace topgun::test {

/// A blocking WebSocket client for tests, on wslay: an implementation of the standard that shares
/// no line with the server's.
class WebSocketClient {
 public:
  /// Connects and upgrades; `connected` tells whether it worked.
  explicit WebSocketClient(uint16_t port, std::string_view extra_headers = {});
  ~WebSocketClient();
  WebSocketClient(const WebSocketClient&) = delete;
  WebSocketClient& operator=(const WebSocketClient&) = delete;

  bool connected() const { return context_ != nullptr; }
  /// The server's answer to the upgrade, up to and without the empty line.
  const std::string& handshake() const { return handshake_; }

  bool send(ByteView message);
  bool ping(ByteView payload);
  bool close(uint16_t code);

  /// The next binary message; nothing when the time is up or the connection has ended.
  std::optional<Bytes> receive(int timeout_ms = 5000);
  /// The payload of the next pong.
  std::optional<Bytes> receive_pong(int timeout_ms = 5000);

  /// Waits for the server's close frame; its code, 1005 if it named none, or nothing.
  std::optional<uint16_t> receive_close(int timeout_ms = 5000);

  TestSocket& socket() { return socket_; }

 private:
  struct Callbacks;
  bool queue(uint8_t opcode, ByteView payload);
  bool step(int timeout_ms);

  TestSocket socket_;
  std::string handshake_;
  wslay_event_context_ptr context_ = nullptr;
  Bytes unread_;
  bool ended_ = false;
  std::deque<Bytes> messages_;
  std::deque<Bytes> pongs_;
};

}  // namespace topgun::test
