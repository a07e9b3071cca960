#include <doctest/doctest.h>
#include <poll.h>
#include <sys/socket.h>

#include <thread>

#include "tests/server/support/test_server.hpp"
#include "tests/server/support/websocket_client.hpp"

namespace topgun {
namespace {

using test::TestServer;
using test::WebSocketClient;

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

TEST_CASE("server: a message in many fragments, with a ping among them, arrives whole") {
  TestServer server;
  WebSocketClient client(server.port());
  REQUIRE(client.connected());
  // Unmasked text shows what is sent: a mask of zero changes nothing.
  client.socket().send(std::string_view("\x02\x83\0\0\0\0one", 9));
  client.socket().send(std::string_view("\x89\x84\0\0\0\0ping", 10));
  client.socket().send(std::string_view("\x00\x83\0\0\0\0two", 9));
  client.socket().send(std::string_view("\x80\x80\0\0\0\0", 6));
  CHECK(as_text(client.receive_pong().value_or(Bytes())) == "ping");
  CHECK(as_text(client.receive().value_or(Bytes())) == "onetwo");
}

TEST_CASE("server: frames that arrive byte by byte, or many at once, are the same frames") {
  TestServer server;
  WebSocketClient client(server.port());
  Bytes wire;
  for (int i = 0; i < 20; ++i) {
    host::append_client_frame(wire, host::WebSocketOpcode::Binary, pattern(static_cast<size_t>(i)),
                              0x12345678u + static_cast<uint32_t>(i));
  }
  for (const uint8_t byte : wire) REQUIRE(client.socket().send(ByteView(&byte, 1)));
  REQUIRE(client.socket().send(wire));
  for (int i = 0; i < 40; ++i) CHECK(client.receive() == pattern(static_cast<size_t>(i % 20)));
}

TEST_CASE("server: a close from either side is answered") {
  TestServer server;
  WebSocketClient leaving(server.port());
  REQUIRE(leaving.close(1000));
  CHECK(leaving.receive_close() == 1000);

  WebSocketClient refused(server.port());
  REQUIRE(refused.send(as_bytes("close")));
  CHECK(refused.receive_close() == 1008);
}

TEST_CASE("server: a peer that does not read stops being read, and loses nothing") {
  host::ServerConfig config = test::quiet_config();
  config.net.output_bytes_max = 256 * 1024;
  TestServer server(config);
  WebSocketClient client(server.port());
  const Bytes frame = pattern(64 * 1024);
  constexpr int kFrames = 400;
  Bytes wire;
  for (int i = 0; i < kFrames; ++i) {
    host::append_client_frame(wire, host::WebSocketOpcode::Binary, frame, 7);
  }
  // Nothing is read until the server has taken nothing for a while.
  ByteView rest(wire);
  pollfd writable{client.socket().fd(), POLLOUT, 0};
  while (!rest.empty() && poll(&writable, 1, 200) > 0) {
    const ssize_t sent = send(client.socket().fd(), rest.data(), rest.size(), MSG_DONTWAIT);
    if (sent > 0) rest = rest.subspan(static_cast<size_t>(sent));
  }
  CHECK_FALSE(rest.empty());
  std::thread sender([&] { client.socket().send(rest); });
  int equal = 0;
  for (int i = 0; i < kFrames; ++i) equal += client.receive() == frame ? 1 : 0;
  sender.join();
  CHECK(equal == kFrames);
}

TEST_CASE("server: a drain says goodbye to every connection and ends in time") {
  TestServer server;
  WebSocketClient first(server.port());
  WebSocketClient second(server.port());
  REQUIRE(second.connected());
  std::thread stopping([&server] { server.stop(); });
  CHECK(first.receive_close() == 1001);
  CHECK(second.receive_close() == 1001);
  stopping.join();
  CHECK_FALSE(test::TestSocket(server.port()).connected());
}

}  // namespace
}  // namespace topgun
