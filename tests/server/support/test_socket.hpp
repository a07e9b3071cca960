#pragma once

#include <memory>
#include <optional>
#include <string>

#include "core/base/bytes.hpp"

namespace topgun::test {

/// A TCP connection to 127.0.0.1 with time limits on everything, for tests that speak bytes.
class TestSocket {
 public:
  explicit TestSocket(uint16_t port);
  ~TestSocket();
  TestSocket(TestSocket&& other) noexcept;
  TestSocket& operator=(TestSocket&&) = delete;

  bool connected() const { return fd_ >= 0; }
  int fd() const { return fd_; }

  /// Sends everything; false if the peer is gone.
  bool send(ByteView bytes);
  bool send(std::string_view text) { return send(as_bytes(text)); }

  /// What arrives next: empty at the end of the stream, nothing when the time is up.
  std::optional<Bytes> receive(int timeout_ms = 5000);

  /// Everything up to the end of the stream; nothing if it does not end in time.
  std::optional<std::string> receive_all(int timeout_ms = 5000);

  /// Ends our side.
  void finish();

 private:
  int fd_ = -1;
};

/// A whole HTTP exchange on a connection of its own: the raw answer, head and body.
std::string http_get(uint16_t port, std::string_view target, std::string_view headers = {});

/// Sends `request` as it is and returns all that comes back until the server closes.
std::string http_exchange(uint16_t port, std::string_view request);

}  // namespace topgun::test
