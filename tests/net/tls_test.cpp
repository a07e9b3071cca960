#include "tests/server/support/tls_client.hpp"

namespace topgun {
namespace {

using test::Certificate;
using test::TestServer;
using test::TestSocket;
using test::tls_config;
using test::TlsClient;

TEST_CASE("tls: requests and frames pass, also those longer than a record") {
  const Certificate certificate;
  TestServer server(tls_config(certificate));
  TlsClient http(server.port());
  REQUIRE(http.connected());
  http.send(as_bytes("GET /healthz HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"));
  CHECK(http.receive(100'000).ends_with("\r\n\r\nok\n"));

  TlsClient client(server.port());
  client.send(
      as_bytes("GET /ws HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
               "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"));
  CHECK(client.receive(12) == "HTTP/1.1 101");
  std::string rest;
  while (rest.find("\r\n\r\n") == std::string::npos) rest += client.receive(1);
  const Bytes message(900'000, 'm');
  Bytes wire;
  host::append_client_frame(wire, host::WebSocketOpcode::Binary, message, 0xdeadbeef);
  REQUIRE(client.send(wire));
  const std::string echoed = client.receive(10 + message.size());
  CHECK(echoed.size() == 10 + message.size());
  CHECK(echoed.substr(10) == as_text(message));
}

TEST_CASE("tls: a peer that does not speak it is cut off, and others are served") {
  const Certificate certificate;
  TestServer server(tls_config(certificate));
  TestSocket plain(server.port());
  plain.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  const auto answer = plain.receive_all();
  REQUIRE(answer.has_value());
  CHECK(answer->find("HTTP") == std::string::npos);
  CHECK(TlsClient(server.port()).connected());
}

TEST_CASE("tls: a key that is not the certificate's is refused at the start") {
  const Certificate one;
  const Certificate other;
  host::ServerConfig config = tls_config(one);
  config.tls_key = other.key_path;
  const host::Logger logger(host::LogLevel::Off);
  const auto started = host::Server::start(config, logger);
  CHECK(started.server == nullptr);
  CHECK(started.error.find("TLS") != std::string::npos);
}

}  // namespace
}  // namespace topgun
