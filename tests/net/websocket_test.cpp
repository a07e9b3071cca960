#include <doctest/doctest.h>

#include "host-native/server/server.hpp"
#include "tests/server/support/websocket_client.hpp"

namespace topgun {
namespace {

using test::TestSocket;
using test::WebSocketClient;

host::ServerConfig test_config() {
  host::ServerConfig config;
  config.port = 0;
  config.shards = 2;
  config.auth = host::AuthMode::Off;
  config.log_level = host::LogLevel::Off;
  return config;
}

struct TestServer {
  explicit TestServer(const host::ServerConfig& config = test_config())
      : started(host::Server::start(config, logger)) {
    REQUIRE_MESSAGE(started.server != nullptr, started.error);
  }
  uint16_t port() const { return started.server->port(); }

  host::Logger logger{host::LogLevel::Off};
  host::Server::Started started;
};

Bytes pattern(size_t size) {
  Bytes bytes(size);
  for (size_t i = 0; i < size; ++i) bytes[i] = static_cast<uint8_t>(i * 131 + (i >> 8));
  return bytes;
}

TEST_CASE("server: frames of every length come back as they went") {
  TestServer server;
  WebSocketClient client(server.port());
  REQUIRE(client.connected());
  for (const size_t size : {0, 1, 7, 125, 126, 127, 4096, 65535, 65536, 65537, 300'000, 1 << 20}) {
    CAPTURE(size);
    const Bytes sent = pattern(size);
    REQUIRE(client.send(sent));
    const auto received = client.receive();
    REQUIRE(received.has_value());
    CHECK(*received == sent);
  }
}

TEST_CASE("server: frames that cross shards come back in order") {
  TestServer server;
  WebSocketClient first(server.port());
  WebSocketClient second(server.port());
  for (int i = 0; i < 1000; ++i) {
    const std::string text = "post " + std::to_string(i);
    REQUIRE(first.send(as_bytes(text)));
    REQUIRE(second.send(as_bytes(text)));
  }
  for (int i = 0; i < 1000; ++i) {
    const std::string text = "post " + std::to_string(i);
    CHECK(as_text(first.receive().value_or(Bytes())) == text);
    CHECK(as_text(second.receive().value_or(Bytes())) == text);
  }
}

TEST_CASE("server: health is answered on the same port") {
  TestServer server;
  CHECK(test::http_get(server.port(), "/healthz").starts_with("HTTP/1.1 200 OK\r\n"));
}

}  // namespace
}  // namespace topgun
