#include "tests/server/support/test_socket.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <utility>

namespace topgun::test {

TestSocket::TestSocket(uint16_t port) : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) {
    close(fd_);
    fd_ = -1;
    return;
  }
  const int one = 1;
  setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
}

TestSocket::~TestSocket() {
  if (fd_ >= 0) close(fd_);
}

TestSocket::TestSocket(TestSocket&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

bool TestSocket::send(ByteView bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    bytes = bytes.subspan(static_cast<size_t>(sent));
  }
  return true;
}

std::optional<Bytes> TestSocket::receive(int timeout_ms) {
  pollfd ready{fd_, POLLIN, 0};
  if (poll(&ready, 1, timeout_ms) <= 0) return std::nullopt;
  Bytes bytes(65536);
  const ssize_t got = recv(fd_, bytes.data(), bytes.size(), 0);
  bytes.resize(got > 0 ? static_cast<size_t>(got) : 0);
  return bytes;
}

std::optional<std::string> TestSocket::receive_all(int timeout_ms) {
  std::string text;
  while (true) {
    const auto bytes = receive(timeout_ms);
    if (!bytes) return std::nullopt;
    if (bytes->empty()) return text;
    text += as_text(*bytes);
  }
}

void TestSocket::finish() { shutdown(fd_, SHUT_WR); }

std::string http_exchange(uint16_t port, std::string_view request) {
  TestSocket socket(port);
  socket.send(request);
  return socket.receive_all().value_or("<no end>");
}

std::string http_get(uint16_t port, std::string_view target, std::string_view headers) {
  return http_exchange(port, "GET " + std::string(target) + " HTTP/1.1\r\nHost: localhost\r\n" +
                                 std::string(headers) + "Connection: close\r\n\r\n");
}

}  // namespace topgun::test
