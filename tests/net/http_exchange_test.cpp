// Requests to /sync over real sockets. The shard is an echo (echo_shard.cpp): what is under test is
// what the host makes of requests and answers.

#include <doctest/doctest.h>

#include <chrono>
#include <thread>

#include "core/sync/messages.hpp"
#include "host-native/net/content_coding.hpp"
#include "tests/server/support/test_server.hpp"
#include "tests/server/support/test_socket.hpp"

namespace topgun {
namespace {

using test::http_exchange;
using test::http_get;
using test::quiet_config;
using test::TestServer;
using test::TestSocket;

bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

std::string status_line(std::string_view answer) {
  return std::string(answer.substr(0, answer.find('\r')));
}

std::string body(const std::string& answer) { return answer.substr(answer.find("\r\n\r\n") + 4); }

/// A request with a frame as its body; the connection ends after it unless `headers` say more.
std::string post(std::string_view frame, std::string_view headers = "Connection: close\r\n",
                 std::string_view path = "/sync") {
  return "POST " + std::string(path) +
         " HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-topgun\r\n" +
         std::string(headers) + "Content-Length: " + std::to_string(frame.size()) + "\r\n\r\n" +
         std::string(frame);
}

/// The error in the fatal Error message that is the whole body.
std::optional<Error> error_of(const std::string& answer) {
  const std::string frame = body(answer);
  FrameReader reader(as_bytes(frame));
  const auto message = reader.next();
  if (!message || message->kind != static_cast<uint8_t>(MessageKind::Error)) return std::nullopt;
  const auto error = decode_error(message->payload);
  if (!error.ok() || !error->fatal) return std::nullopt;
  return error_from_code(error->error);
}

/// Reads until `part` has come; what came so far.
std::string receive_until(TestSocket& socket, std::string_view part) {
  std::string text;
  while (!contains(text, part)) {
    const auto bytes = socket.receive();
    if (!bytes || bytes->empty()) break;
    text += as_text(*bytes);
  }
  return text;
}

/// The sum of a figure over all shards.
uint64_t metric(uint16_t port, const std::string& name) {
  const std::string text = http_get(port, "/metrics");
  uint64_t sum = 0;
  for (size_t at = text.find("\n" + name + "{"); at != std::string::npos;
       at = text.find("\n" + name + "{", at + 1)) {
    sum += std::stoull(text.substr(text.find("} ", at) + 2));
  }
  return sum;
}

/// Figures are published some ten times a second.
bool becomes(uint16_t port, const std::string& name, uint64_t value) {
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(5);
  while (std::chrono::steady_clock::now() < until) {
    if (metric(port, name) == value) return true;
  }
  return false;
}

TEST_CASE("http exchange: a frame goes in and a frame comes out") {
  TestServer server;
  const std::string answer = http_exchange(
      server.port(), post("frame", "Authorization: Bearer token\r\nConnection: close\r\n"));
  CHECK(status_line(answer) == "HTTP/1.1 200 OK");
  CHECK(contains(answer, "\r\nContent-Type: application/x-topgun\r\n"));
  CHECK(contains(answer, "\r\nCache-Control: no-store\r\n"));
  CHECK(body(answer) == "frametoken");
}

TEST_CASE("http exchange: requests on one connection are answered one after the other") {
  TestServer server;
  const std::string keep = "Connection: keep-alive\r\n";
  const std::string answer =
      http_exchange(server.port(), post("first", keep) + post("second", keep) +
                                       "GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n" +
                                       post("third", keep) + post("last") + post("never served"));
  size_t at = 0;
  for (const char* part : {"first", "second", "ok\n", "third", "last"}) {
    CAPTURE(part);
    const size_t found = answer.find(part, at);
    REQUIRE(found != std::string::npos);
    at = found;
  }
  CHECK_FALSE(contains(answer, "never served"));
}

TEST_CASE("http exchange: HTTP/1.0 is served, and kept open only if it asks for it") {
  TestServer server;
  const std::string plain =
      "POST /sync HTTP/1.0\r\nContent-Type: application/octet-stream\r\nContent-Length: "
      "3\r\n\r\nold";
  std::string kept = plain;
  kept.insert(kept.find("Content-Type"), "Connection: keep-alive\r\n");
  const std::string answer = http_exchange(server.port(), kept + plain + plain);
  const size_t first = answer.find("old");
  REQUIRE(first != std::string::npos);
  const size_t second = answer.find("old", first + 1);
  REQUIRE(second != std::string::npos);
  CHECK(answer.find("old", second + 1) == std::string::npos);
}

TEST_CASE("http exchange: a refusal has a status, and the frame that explains it") {
  TestServer server;
  const std::string answer = http_exchange(server.port(), post("refuse"));
  CHECK(status_line(answer) == "HTTP/1.1 403 Forbidden");
  CHECK(body(answer) == "refuse");
}

TEST_CASE("http exchange: what cannot be taken is refused by its head") {
  TestServer server;
  struct Case {
    const char* name;
    std::string request;
    const char* status;
    Error error;
  };
  const std::string type = "Content-Type: application/x-topgun\r\n";
  const std::string start = "POST /sync HTTP/1.1\r\nHost: localhost\r\n";
  const Case cases[] = {
      {"too long, before any of it is sent", start + type + "Content-Length: 1048577\r\n\r\n",
       "HTTP/1.1 413 Content Too Large", Error::TooLarge},
      {"too long in chunks",
       start + type + "Transfer-Encoding: chunked\r\n\r\n200000\r\n" + std::string(0x200000, 'x'),
       "HTTP/1.1 413 Content Too Large", Error::TooLarge},
      {"no length", start + type + "\r\n", "HTTP/1.1 411 Length Required", Error::InvalidArgument},
      {"no type", start + "Content-Length: 1\r\n\r\nx", "HTTP/1.1 415 Unsupported Media Type",
       Error::InvalidArgument},
      {"wrong method", "GET /sync HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
       "HTTP/1.1 405 Method Not Allowed", Error::InvalidArgument},
      {"foreign page", start + type + "Origin: https://evil.example\r\nContent-Length: 1\r\n\r\nx",
       "HTTP/1.1 403 Forbidden", Error::Forbidden},
      {"broken chunk", start + type + "Transfer-Encoding: chunked\r\n\r\nzz\r\n",
       "HTTP/1.1 400 Bad Request", Error::Malformed},
      {"empty", start + type + "Content-Length: 0\r\nConnection: close\r\n\r\n",
       "HTTP/1.1 400 Bad Request", Error::Truncated},
  };
  for (const Case& c : cases) {
    CAPTURE(c.name);
    const std::string answer = http_exchange(server.port(), c.request);
    CHECK(status_line(answer) == c.status);
    CHECK(error_of(answer) == c.error);
  }
  const std::string head = http_exchange(
      server.port(), "HEAD /sync HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
  CHECK(contains(head, "405 Method Not Allowed\r\n"));
  CHECK(contains(head, "\r\nAllow: POST, OPTIONS\r\n"));
  CHECK(body(head).empty());
}

TEST_CASE("http exchange: a client that waits for leave to send its body gets it") {
  TestServer server;
  TestSocket socket(server.port());
  std::string request = post("frame", "Expect: 100-continue\r\nConnection: close\r\n");
  const size_t at = request.find("frame");
  socket.send(request.substr(0, at));
  CHECK(receive_until(socket, "\r\n\r\n") == "HTTP/1.1 100 Continue\r\n\r\n");
  socket.send(request.substr(at));
  CHECK(body(socket.receive_all().value_or("")) == "frame");
}

TEST_CASE("http exchange: a body in chunks and in pieces is a body") {
  TestServer server;
  TestSocket socket(server.port());
  const std::string request =
      "POST /sync HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-topgun\r\n"
      "Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nfra\r\n2\r\nme\r\n0\r\n\r\n";
  for (const char c : request) REQUIRE(socket.send(std::string_view(&c, 1)));
  CHECK(body(socket.receive_all().value_or("")) == "frame");
}

TEST_CASE("http exchange: a request that comes too slowly is answered and cut off") {
  host::ServerConfig config = quiet_config();
  config.net.request_timeout_ms = 200;
  TestServer server(config);
  TestSocket in_head(server.port());
  in_head.send("POST /sync HT");
  TestSocket in_body(server.port());
  const std::string request = post("frame");
  in_body.send(std::string_view(request).substr(0, request.size() - 3));
  // A byte now and then does not help: the limit is for the whole request.
  std::optional<Bytes> refusal;
  for (int i = 0; i < 500 && !refusal; ++i) {
    in_head.send("x");
    refusal = in_head.receive(10);
  }
  REQUIRE(refusal.has_value());
  CHECK(status_line(as_text(*refusal)) == "HTTP/1.1 408 Request Timeout");
  const std::string answer = in_body.receive_all().value_or("");
  CHECK(status_line(answer) == "HTTP/1.1 408 Request Timeout");
  CHECK(error_of(answer) == Error::TimedOut);
}

TEST_CASE("http exchange: one that waits is not idle, and ends when its client goes away") {
  host::ServerConfig config = quiet_config();
  config.net.request_timeout_ms = 50;
  config.net.http_idle_timeout_ms = 50;
  TestServer server(config);
  {
    TestSocket waiting(server.port());
    TestSocket streaming(server.port());
    waiting.send(post("wait"));
    streaming.send(post("stream", "", "/sync/events"));
    REQUIRE(becomes(server.port(), "topgun_exchanges_open", 2));
    CHECK_FALSE(waiting.receive(200).has_value());
  }
  CHECK(becomes(server.port(), "topgun_exchanges_open", 0));
  CHECK(becomes(server.port(), "topgun_shard_connections", 0));
}

TEST_CASE("http exchange: a client that has said all it has to say still gets its answer") {
  TestServer server;
  TestSocket socket(server.port());
  socket.send(post("frame", ""));
  socket.finish();
  CHECK(body(socket.receive_all().value_or("")) == "frame");
}

TEST_CASE("http exchange: a drain answers those who wait") {
  TestServer server;
  TestSocket waiting(server.port());
  waiting.send(post("wait", ""));
  REQUIRE(becomes(server.port(), "topgun_exchanges_open", 1));
  std::thread stopping([&server] { server.stop(); });
  const std::string answer = waiting.receive_all().value_or("");
  CHECK(status_line(answer) == "HTTP/1.1 503 Service Unavailable");
  CHECK(contains(answer, "\r\nRetry-After: 1\r\n"));
  CHECK(contains(answer, "\r\nConnection: close\r\n"));
  stopping.join();
}

TEST_CASE("http exchange: a stream brings frames as events, and comments while it is silent") {
  host::ServerConfig config = quiet_config();
  config.net.heartbeat_ms = 50;
  TestServer server(config);
  TestSocket socket(server.port());
  socket.send("GET /sync/events?request=c3RyZWFt HTTP/1.1\r\nHost: localhost\r\n\r\n");
  const std::string text = receive_until(socket, "9\r\n: alive\n\n\r\n9\r\n: alive\n\n\r\n");
  CHECK(status_line(text) == "HTTP/1.1 200 OK");
  CHECK(contains(text, "\r\nContent-Type: text/event-stream\r\n"));
  CHECK(contains(text, "\r\nTransfer-Encoding: chunked\r\n"));
  CHECK(body(text).starts_with("10\r\ndata: c3RyZWFt\n\n\r\n"));
  // The shard hears that the frame has left.
  CHECK(becomes(server.port(), "topgun_records_sent_total", std::string_view("stream").size()));
}

TEST_CASE("http exchange: a stream that ends says so, and the connection goes on") {
  TestServer server;
  const std::string get = "GET /sync/events?request=b25jZQ HTTP/1.1\r\nHost: localhost\r\n";
  const std::string answer =
      http_exchange(server.port(), get + "\r\n" + get + "Connection: close\r\n\r\n");
  CHECK(contains(body(answer), "\r\ndata: b25jZQ==\n\n\r\n"));
  CHECK(contains(answer, "\r\nevent: end\ndata: "));
  CHECK(contains(answer, "\n\n\r\n0\r\n\r\nHTTP/1.1 200 OK\r\n"));
  CHECK(answer.ends_with("\n\n\r\n0\r\n\r\n"));
}

TEST_CASE("http exchange: a stream for HTTP/1.0 has no chunks and ends with the connection") {
  TestServer server;
  const std::string answer = http_exchange(
      server.port(), "GET /sync/events?request=b25jZQ HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  CHECK_FALSE(contains(answer, "chunked"));
  CHECK(contains(answer, "\r\nConnection: close\r\n"));
  CHECK(body(answer).starts_with("data: b25jZQ==\n\nevent: end\ndata: "));
}

TEST_CASE("http exchange: a stream that is refused has the status of the refusal") {
  TestServer server;
  const std::string answer = http_exchange(
      server.port(),
      "GET /sync/events?request=cmVmdXNl HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  CHECK(status_line(answer) == "HTTP/1.1 403 Forbidden");
  CHECK(body(answer) == "refuse");
}

TEST_CASE("http exchange: pages of other origins ask first and are told what they may do") {
  host::ServerConfig config = quiet_config();
  config.origins = {"https://app.example"};
  TestServer server(config);
  const auto ask = [&server](const std::string& origin) {
    return http_exchange(
        server.port(), "OPTIONS /sync HTTP/1.1\r\nHost: localhost\r\nOrigin: " + origin +
                           "\r\nAccess-Control-Request-Method: POST\r\nConnection: close\r\n\r\n");
  };
  const std::string allowed = ask("https://app.example");
  CHECK(status_line(allowed) == "HTTP/1.1 204 No Content");
  CHECK(contains(allowed, "\r\nAccess-Control-Allow-Origin: https://app.example\r\n"));
  CHECK(contains(allowed, "\r\nAccess-Control-Max-Age: 86400\r\n"));
  CHECK_FALSE(contains(allowed, "Content-Length"));
  const std::string foreign = ask("https://evil.example");
  CHECK(status_line(foreign) == "HTTP/1.1 403 Forbidden");
  CHECK_FALSE(contains(foreign, "Access-Control-Allow-Origin"));
  const std::string answer = http_exchange(
      server.port(), post("frame", "Origin: https://app.example\r\nConnection: close\r\n"));
  CHECK(contains(answer, "\r\nAccess-Control-Allow-Origin: https://app.example\r\n"));
  CHECK(contains(answer, "\r\nVary: Origin, Accept-Encoding\r\n"));
}

TEST_CASE("http exchange: bodies are packed both ways") {
  TestServer server;
  const std::string frame(5000, 'x');
  const std::string packed(as_text(host::pack(host::ContentCoding::Gzip, as_bytes(frame))));
  const std::string answer = http_exchange(
      server.port(),
      post(packed, "Content-Encoding: gzip\r\nAccept-Encoding: gzip, br\r\nConnection: close\r\n"));
  CHECK(status_line(answer) == "HTTP/1.1 200 OK");
  CHECK(contains(answer, "\r\nContent-Encoding: br\r\n"));
  const std::string packed_answer = body(answer);
  const auto unpacked = host::unpack(host::ContentCoding::Brotli, as_bytes(packed_answer), 10'000);
  REQUIRE(unpacked.ok());
  CHECK(as_text(*unpacked) == frame);
}

}  // namespace
}  // namespace topgun
