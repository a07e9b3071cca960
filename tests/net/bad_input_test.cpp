// What a peer may get wrong, and the answer it gets. The server must stay well: every test ends
// with a good client being served.

#include <doctest/doctest.h>

#include "tests/server/support/test_server.hpp"
#include "tests/server/support/websocket_client.hpp"

namespace topgun {
namespace {

using namespace std::string_literals;
using test::http_exchange;
using test::quiet_config;
using test::TestServer;
using test::TestSocket;
using test::WebSocketClient;

void check_serves(uint16_t port) {
  WebSocketClient client(port);
  REQUIRE(client.connected());
  CHECK(client.send(as_bytes("well?")));
  CHECK(as_text(client.receive().value_or(Bytes())) == "well?");
}

std::string status_line(const std::string& answer) { return answer.substr(0, answer.find('\r')); }

TEST_CASE("server: bad requests are answered with the status that says why") {
  struct Case {
    const char* name;
    std::string request;
    const char* status;
  };
  const std::string upgrade =
      "Host: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
  const Case cases[] = {
      {"no HTTP", "hello\r\n\r\n", "HTTP/1.1 400 Bad Request"},
      {"bad version", "GET / HTTP/9.9\r\n\r\n", "HTTP/1.1 400 Bad Request"},
      {"control characters", "GET / HTTP/1.1\r\nA: \x01\r\n\r\n", "HTTP/1.1 400 Bad Request"},
      {"TLS to a plain port", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n"s,
       "HTTP/1.1 400 Bad Request"},
      {"endless header", "GET / HTTP/1.1\r\nA: " + std::string(40'000, 'a'),
       "HTTP/1.1 431 Request Header Fields Too Large"},
      {"endless target", "GET /" + std::string(40'000, 'a'),
       "HTTP/1.1 431 Request Header Fields Too Large"},
      {"oversize body", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999\r\n\r\n",
       "HTTP/1.1 413 Content Too Large"},
      {"two lengths", "POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
       "HTTP/1.1 400 Bad Request"},
      {"wrong method", "DELETE / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
       "HTTP/1.1 405 Method Not Allowed"},
      {"no upgrade", "GET /ws HTTP/1.1\r\nHost: h\r\n\r\n", "HTTP/1.1 426 Upgrade Required"},
      {"no version", "GET /ws HTTP/1.1\r\n" + upgrade + "\r\n", "HTTP/1.1 426 Upgrade Required"},
      {"old version", "GET /ws HTTP/1.1\r\n" + upgrade + "Sec-WebSocket-Version: 8\r\n\r\n",
       "HTTP/1.1 426 Upgrade Required"},
      {"no key",
       "GET /ws HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
       "Sec-WebSocket-Version: 13\r\n\r\n",
       "HTTP/1.1 426 Upgrade Required"},
      {"foreign origin",
       "GET /ws HTTP/1.1\r\n" + upgrade +
           "Sec-WebSocket-Version: 13\r\nOrigin: https://evil.example\r\n\r\n",
       "HTTP/1.1 403 Forbidden"},
      {"opaque origin",
       "GET /ws HTTP/1.1\r\n" + upgrade + "Sec-WebSocket-Version: 13\r\nOrigin: null\r\n\r\n",
       "HTTP/1.1 403 Forbidden"},
  };
  TestServer server;
  for (const Case& c : cases) {
    CAPTURE(c.name);
    CHECK(status_line(http_exchange(server.port(), c.request)) == c.status);
  }
  check_serves(server.port());
}

TEST_CASE("server: bad frames close the connection with the code that says why") {
  struct Case {
    const char* name;
    std::string bytes;
    uint16_t code;
  };
  const std::string mask(4, '\0');
  const Case cases[] = {
      {"unmasked", "\x82\x01x", 1002},
      {"reserved bit", "\xc2\x81" + mask + "x", 1002},
      {"unknown data opcode", "\x83\x81" + mask + "x", 1002},
      {"unknown control opcode", "\x8b\x80" + mask, 1002},
      {"text", "\x81\x81" + mask + "x", 1003},
      {"text in fragments", "\x01\x81" + mask + "x", 1003},
      {"oversize", "\x82\xff"s + "\0\0\0\0\0\x10\0\x01"s + mask, 1009},
      {"absurd length", "\x82\xff"s + std::string(8, '\xff') + mask, 1009},
      {"continuation of nothing", "\x80\x81" + mask + "x", 1002},
      {"message inside a message", "\x02\x81" + mask + "x\x82\x81" + mask + "x", 1002},
      {"fragmented ping", "\x09\x80" + mask, 1002},
      {"long ping", "\x89\xfe"s + "\0\x7e"s + mask + std::string(126, 'x'), 1002},
      {"close with half a code", "\x88\x81" + mask + "x", 1002},
      {"close with a forbidden code", "\x88\x82" + mask + "\x03\xed", 1002},
  };
  TestServer server;
  for (const Case& c : cases) {
    CAPTURE(c.name);
    WebSocketClient client(server.port());
    REQUIRE(client.connected());
    client.socket().send(c.bytes);
    CHECK(client.receive_close() == c.code);
  }
  check_serves(server.port());
}

TEST_CASE("server: fragments may not add up to more than a frame") {
  TestServer server;
  WebSocketClient client(server.port());
  REQUIRE(client.connected());
  const Bytes part(400'000, 'x');
  Bytes wire;
  for (int i = 0; i < 3; ++i) {
    const size_t start = wire.size();
    host::append_client_frame(wire, host::WebSocketOpcode::Binary, part, 0);
    wire[start] = i == 0 ? 0x02 : 0x00;
  }
  client.socket().send(wire);
  CHECK(client.receive_close() == 1009);
}

TEST_CASE("server: bytes behind a bad frame are not looked at") {
  TestServer server;
  WebSocketClient client(server.port());
  Bytes wire = to_bytes(as_bytes("\x82\x01x"));
  host::append_client_frame(wire, host::WebSocketOpcode::Binary, as_bytes("late"), 1);
  client.socket().send(wire);
  CHECK(client.receive_close() == 1002);
  CHECK_FALSE(client.receive(50).has_value());
}

TEST_CASE("server: a peer that never finishes its request is cut off") {
  host::ServerConfig config = quiet_config();
  config.net.handshake_timeout_ms = 50;
  config.net.request_timeout_ms = 50;
  TestServer server(config);
  TestSocket silent(server.port());
  TestSocket halting(server.port());
  halting.send("GET / HTTP/1.1\r\nHo");
  CHECK(silent.receive_all() == "");
  CHECK(status_line(halting.receive_all().value_or("")) == "HTTP/1.1 408 Request Timeout");
}

TEST_CASE("server: a connection that is kept alive but silent is cut off, a busy one is not") {
  host::ServerConfig config = quiet_config();
  config.net.http_idle_timeout_ms = 1000;
  TestServer server(config);
  TestSocket socket(server.port());
  for (int i = 0; i < 50; ++i) {
    REQUIRE(socket.send("GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n"));
    const auto answer = socket.receive();
    REQUIRE(answer.has_value());
    REQUIRE_FALSE(answer->empty());
  }
  CHECK(socket.receive_all() == "");
}

TEST_CASE("server: connections beyond the limit are refused, and places become free again") {
  host::ServerConfig config = quiet_config();
  config.shards = 1;
  config.net.connections_max = 2;
  TestServer server(config);
  {
    WebSocketClient first(server.port());
    WebSocketClient second(server.port());
    REQUIRE(second.connected());
    CHECK_FALSE(WebSocketClient(server.port()).connected());
    REQUIRE(first.close(1000));
    CHECK(first.receive_close() == 1000);
    REQUIRE(second.close(1000));
    CHECK(second.receive_close() == 1000);
    // The server lets go once it has seen the end of both streams.
  }
  bool connected = false;
  for (int attempt = 0; attempt < 1000 && !connected; ++attempt) {
    connected = WebSocketClient(server.port()).connected();
  }
  CHECK(connected);
}

TEST_CASE("server: requests in one packet are answered in order") {
  TestServer server;
  const std::string answer =
      http_exchange(server.port(),
                    "GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n"
                    "GET /nothing HTTP/1.1\r\nHost: h\r\n\r\n"
                    "GET /readyz HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"
                    "GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n");
  const size_t first = answer.find("ok\n");
  const size_t second = answer.find("404 Not Found");
  const size_t third = answer.find("ready\n");
  CHECK(first < second);
  CHECK(second < third);
  CHECK(third != std::string::npos);
  // What follows the last request is not served.
  CHECK(answer.find("ok\n", third) == std::string::npos);
}

TEST_CASE("server: frames may follow the upgrade request at once") {
  TestServer server;
  TestSocket socket(server.port());
  Bytes wire = to_bytes(
      as_bytes("GET /ws HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
               "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"));
  host::append_client_frame(wire, host::WebSocketOpcode::Binary, as_bytes("early"), 99);
  socket.send(wire);
  std::string answer;
  while (answer.find("early") == std::string::npos) {
    const auto bytes = socket.receive();
    REQUIRE(bytes.has_value());
    REQUIRE_FALSE(bytes->empty());
    answer += as_text(*bytes);
  }
  CHECK(answer.starts_with("HTTP/1.1 101 Switching Protocols\r\n"));
}

}  // namespace
}  // namespace topgun
