// The whole server over HTTP: what a session does over a WebSocket, exchanges do by requests.

#include <doctest/doctest.h>
#include <stdlib.h>

#include <chrono>
#include <fstream>

#include "core/value/value_writer.hpp"
#include "tests/server/support/native_client.hpp"
#include "tests/server/support/test_server.hpp"
#include "tests/server/support/tls_client.hpp"
#include "tests/server/support/token_maker.hpp"

namespace topgun {
namespace {

using test::http_exchange;
using test::NativeClient;
using test::quiet_config;
using test::TestServer;
using test::TestSocket;
using test::TokenMaker;

bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

std::string status_line(std::string_view answer) {
  return std::string(answer.substr(0, answer.find('\r')));
}

std::string body(const std::string& answer) { return answer.substr(answer.find("\r\n\r\n") + 4); }

std::string post(std::string_view text, std::string_view type,
                 const std::string& headers = "Connection: close\r\n") {
  return "POST /sync HTTP/1.1\r\nHost: localhost\r\nContent-Type: " + std::string(type) + "\r\n" +
         headers + "Content-Length: " + std::to_string(text.size()) + "\r\n\r\n" +
         std::string(text);
}

std::string json(uint16_t port, std::string_view messages, const std::string& headers = {}) {
  return http_exchange(port, post(messages, "application/json", headers + "Connection: close\r\n"));
}

uint64_t wall_ms() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(now).count());
}

Bytes request_frame(uint64_t replica, ExchangeMessage exchange = {}) {
  Bytes frame;
  MessageWriter to(frame);
  to.hello({.replica = ReplicaId{replica}, .instance = replica, .client_ms = wall_ms()});
  to.exchange(exchange);
  return frame;
}

void add_write(Bytes& frame, uint64_t replica, std::string_view map, std::string_view key,
               uint64_t time_ms) {
  Bytes value;
  ValueWriter(value).text("value");
  OperationBatchBuilder builder;
  builder.begin({MapKind::Lww, ReplicaId{replica}, 1, time_ms, as_bytes(map)});
  builder.add({OperationKind::LwwSet, 1, time_ms << 16, 0, as_bytes(key), value});
  MessageWriter(frame).operations(builder.finish());
}

TEST_CASE("http sync: what is written by hand is read by hand, and by a client with a socket") {
  TestServer server;
  const std::string written = json(server.port(), R"([
      {"message":"operations","map":"notes",
       "operations":[{"operation":"set","key":"a","value":"hello"}]}])");
  CHECK(status_line(written) == "HTTP/1.1 200 OK");
  CHECK(contains(written, R"({"message":"welcome")"));
  CHECK(contains(written, R"({"message":"ack","level":1,"sequence":1})"));

  const std::string read = json(server.port(), R"([{"message":"subscribe","map":"notes"}])");
  CHECK(contains(read, R"("key":"a")"));
  CHECK(contains(read, R"("value":"hello")"));
  CHECK(contains(read, R"({"message":"synced","subscription":3,)"));
  NativeClient client(server.port(), 1);
  CHECK(client.read_map("notes") == std::map<std::string, std::string>{{"a", "hello"}});
}

TEST_CASE("http sync: requests over TLS do what requests do") {
  const test::Certificate certificate;
  TestServer server(test::tls_config(certificate));
  const auto exchange = [&server](std::string_view messages) {
    test::TlsClient client(server.port());
    REQUIRE(client.connected());
    REQUIRE(client.send(as_bytes(post(messages, "application/json"))));
    return client.receive(100'000);
  };
  const std::string written = exchange(R"([
      {"message":"operations","map":"notes",
       "operations":[{"operation":"set","key":"a","value":"hello"}]}])");
  CHECK(status_line(written) == "HTTP/1.1 200 OK");
  CHECK(contains(written, R"({"message":"ack","level":1,"sequence":1})"));
  CHECK(contains(exchange(R"([{"message":"subscribe","map":"notes"}])"), R"("value":"hello")"));
}

TEST_CASE("http sync: a stream over TLS brings what a request over TLS writes, as it comes") {
  const test::Certificate certificate;
  TestServer server(test::tls_config(certificate));
  test::TlsClient stream(server.port());
  REQUIRE(stream.connected());
  REQUIRE(stream.send(as_bytes(
      "GET /sync/events?messages=%5B%7B%22message%22:%22subscribe%22,%22map%22:%22notes%22%7D%5D "
      "HTTP/1.1\r\nHost: localhost\r\n\r\n")));
  std::string text;
  const auto read_until = [&](std::string_view part) {
    while (!contains(text, part)) {
      const std::string more = stream.receive(1);
      if (more.empty()) return false;
      text += more;
    }
    return true;
  };
  REQUIRE(read_until(R"("message":"synced")"));
  CHECK(status_line(text) == "HTTP/1.1 200 OK");
  CHECK(contains(text, "text/event-stream"));
  // One connection for all writes, which is kept.
  test::TlsClient writer(server.port());
  REQUIRE(writer.connected());
  for (const char* key : {"first", "second"}) {
    Bytes write = request_frame(key[0] == 'f' ? 9 : 10);
    add_write(write, key[0] == 'f' ? 9 : 10, "notes", key, wall_ms());
    REQUIRE(writer.send(as_bytes(post(as_text(write), "application/x-topgun", {}))));
    REQUIRE(read_until(std::string(R"("key":")") + key));
    CHECK(writer.receive(15) == "HTTP/1.1 200 OK");
    // The rest of this answer, so that the next one begins where it is looked for.
    std::string head;
    while (!head.ends_with("\r\n\r\n")) head += writer.receive(1);
    const size_t length = head.find("Content-Length: ");
    REQUIRE(length != std::string::npos);
    writer.receive(std::stoul(head.substr(length + 16)));
  }
}

TEST_CASE("http sync: a request that does not come to its end in time is answered with 408") {
  host::ServerConfig config = quiet_config();
  config.net.request_timeout_ms = 50;
  TestServer server(config);
  const std::string whole = post("[]", "application/json");
  struct Case {
    const char* name;
    std::string_view sent;
    bool has_head;
  };
  const Case cases[] = {
      {"half a head", std::string_view(whole).substr(0, 30), false},
      {"half a body", std::string_view(whole).substr(0, whole.size() - 1), true},
  };
  for (const Case& c : cases) {
    CAPTURE(c.name);
    TestSocket socket(server.port());
    REQUIRE(socket.send(c.sent));
    const std::string answer = socket.receive_all().value_or("");
    CHECK(status_line(answer) == "HTTP/1.1 408 Request Timeout");
    CHECK(contains(answer, R"("name":"timed-out")") == c.has_head);
  }
}

TEST_CASE("http sync: the time of requests is among the metrics, by kind") {
  TestServer server;
  json(server.port(), R"([{"message":"subscribe","map":"notes"}])");
  test::http_get(server.port(), "/healthz");
  const std::string metrics = test::http_get(server.port(), "/metrics");
  const auto count = [&metrics](std::string_view kind) {
    uint64_t sum = 0;
    const std::string label = "kind=\"" + std::string(kind) + "\"} ";
    for (size_t at = 0;
         (at = metrics.find("topgun_http_request_seconds_count{", at)) != std::string::npos; ++at) {
      const std::string_view line =
          std::string_view(metrics).substr(at, metrics.find('\n', at) - at);
      if (contains(line, label)) sum += std::stoull(std::string(line.substr(line.find("} ") + 2)));
    }
    return sum;
  };
  CHECK(count("sync") == 1);
  CHECK(count("stream") == 0);
  CHECK(count("other") == 1);
  CHECK(contains(metrics, "# TYPE topgun_http_request_seconds histogram\n"));
}

TEST_CASE("http sync: an empty sync is small") {
  TestServer server;
  const Bytes frame = request_frame(7, {.quiet = true});
  CHECK(frame.size() <= 200);
  const std::string answer =
      http_exchange(server.port(), post(as_text(frame), "application/x-topgun"));
  CHECK(status_line(answer) == "HTTP/1.1 200 OK");
  CHECK(body(answer).size() <= 200);
}

/// A server with tokens, rules and a tight rate.
struct Guarded {
  Guarded() {
    char name[] = "/tmp/topgun-http-XXXXXX";
    REQUIRE(mkdtemp(name) != nullptr);
    folder = name;
    std::ofstream(folder + "/key.pem") << as_text(maker.public_material());
    config.auth = host::AuthMode::Jwt;
    config.jwt_keys = {{"k", "ES256", folder + "/key.pem"}};
    config.jwt_leeway_s = 0;
    config.allow = {"editor:notes:rw"};
    config.limits.operations_per_second = 1;
    config.limits.operations_burst = 1;
  }
  ~Guarded() { [[maybe_unused]] const int status = system(("rm -r " + folder).c_str()); }

  std::string bearer(const std::string& role, uint64_t expires_s) const {
    const std::string token = maker.token(R"({"sub":"ann","roles":[")" + role + R"("],"exp":)" +
                                          std::to_string(expires_s) + "}");
    return "Authorization: Bearer " + token + "\r\n";
  }

  std::string folder;
  const TokenMaker maker{host::JwtAlgorithm::ES256};
  host::ServerConfig config = quiet_config();
};

TEST_CASE("http sync: tokens are asked for and looked at, in the header alone") {
  const Guarded guarded;
  TestServer server(guarded.config);
  const uint64_t now_s = wall_ms() / 1000;
  const std::string good = guarded.bearer("editor", now_s + 600);
  struct Case {
    const char* name;
    std::string headers;
    const char* status;
    const char* error;
  };
  const Case cases[] = {
      {"none", "", "HTTP/1.1 401 Unauthorized", "unauthenticated"},
      {"nonsense", "Authorization: Bearer nonsense\r\n", "HTTP/1.1 401 Unauthorized",
       "token-invalid"},
      {"old", guarded.bearer("editor", now_s - 1), "HTTP/1.1 401 Unauthorized", "token-expired"},
      {"good", good, "HTTP/1.1 200 OK", "welcome"},
  };
  for (const Case& c : cases) {
    CAPTURE(c.name);
    const std::string answer = json(server.port(), "[]", c.headers);
    CHECK(status_line(answer) == c.status);
    CHECK(contains(body(answer), std::string("\"") + c.error + "\""));
  }
  const std::string token = good.substr(22, good.size() - 24);
  const std::string in_query = http_exchange(
      server.port(), "POST /sync?access_token=" + token +
                         " HTTP/1.1\r\nHost: h\r\nConnection: close\r\n"
                         "Content-Type: application/json\r\nContent-Length: 2\r\n\r\n[]");
  CHECK(status_line(in_query) == "HTTP/1.1 401 Unauthorized");
  const std::string in_hello =
      json(server.port(), R"([{"message":"hello","token":"YWJj"},{"message":"exchange"}])", good);
  CHECK(status_line(in_hello) != "HTTP/1.1 200 OK");
}

TEST_CASE("http sync: what a role may not do is rejected, and what comes too fast is put off") {
  const Guarded guarded;
  TestServer server(guarded.config);
  const std::string bearer = guarded.bearer("editor", wall_ms() / 1000 + 600);
  const std::string secret = json(server.port(), R"([{"message":"operations","map":"secrets",
      "operations":[{"operation":"set","key":"a","value":1}]}])",
                                  bearer);
  CHECK(contains(body(secret), R"({"message":"reject","sequence":1,"count":1,"error":203)"));
  const std::string many = json(server.port(), R"([{"message":"operations","map":"notes",
      "operations":[{"operation":"set","key":"a","value":1},{"operation":"set","key":"b","value":1},
                    {"operation":"set","key":"c","value":1}]},
      {"message":"operations","map":"notes",
      "operations":[{"operation":"set","sequence":4,"key":"a","value":2}]}])",
                                bearer);
  CHECK(status_line(many) == "HTTP/1.1 200 OK");
  CHECK(contains(body(many), R"("name":"rate-limited")"));
}

TEST_CASE(
    "http sync: a request of which nothing was taken, since it came too fast, is answered with "
    "429") {
  host::ServerConfig config = quiet_config();
  config.limits.operations_per_second = 1;
  config.limits.operations_burst = 2;
  config.shards = 1;
  TestServer server(config);
  const auto write = [&server](std::string_view more) {
    return json(server.port(),
                std::string(R"([{"message":"hello","replica":"7"},{"message":"exchange"},
        {"message":"operations","map":"notes","operations":[
          {"operation":"set","key":"a","value":1},{"operation":"set","key":"b","value":1}]})") +
                    std::string(more) + "]");
  };
  CHECK(status_line(write("")) == "HTTP/1.1 200 OK");
  const std::string refused = write("");
  CHECK(status_line(refused) == "HTTP/1.1 429 Too Many Requests");
  CHECK(contains(refused, "\r\nRetry-After: "));
  CHECK(contains(body(refused), R"("name":"rate-limited")"));
  // What was asked beside it is answered.
  const std::string asked = write(R"(,{"message":"subscribe","map":"notes"})");
  CHECK(status_line(asked) == "HTTP/1.1 200 OK");
  CHECK(contains(body(asked), R"({"message":"synced")"));
}

TEST_CASE("http sync: what is no request is refused with the status that says why") {
  host::ServerConfig config = quiet_config();
  config.limits.exchanges_max = 1;
  config.shards = 1;
  TestServer server(config);
  struct Case {
    const char* name;
    std::string body;
    const char* status;
  };
  Bytes without_hello;
  MessageWriter(without_hello).exchange({});
  Bytes old_version;
  MessageWriter(old_version).hello({.version_min = 77, .version_max = 78, .replica = {1}});
  MessageWriter(old_version).exchange({});
  const Case cases[] = {
      {"noise", "noise", "HTTP/1.1 400 Bad Request"},
      {"no Hello", std::string(as_text(without_hello)), "HTTP/1.1 401 Unauthorized"},
      {"a version of the future", std::string(as_text(old_version)), "HTTP/1.1 400 Bad Request"},
  };
  for (const Case& c : cases) {
    CAPTURE(c.name);
    CHECK(status_line(http_exchange(server.port(), post(c.body, "application/x-topgun"))) ==
          c.status);
  }
  TestSocket waiting(server.port());
  const Bytes poll = request_frame(5, {.wait_ms = 20'000});
  waiting.send(post(as_text(poll), "application/x-topgun"));
  std::string one_too_many;
  for (int attempt = 0; attempt < 1000 && !one_too_many.starts_with("HTTP/1.1 503"); ++attempt) {
    const Bytes frame = request_frame(6);
    one_too_many = http_exchange(server.port(), post(as_text(frame), "application/x-topgun"));
  }
  CHECK(status_line(one_too_many) == "HTTP/1.1 503 Service Unavailable");
  CHECK(contains(one_too_many, "\r\nRetry-After: "));
}

TEST_CASE("http sync: a copy of a replica is told so with 409") {
  TestServer server;
  const auto hello = [&server](RunHistory history, std::optional<uint64_t> write) {
    Bytes frame;
    MessageWriter to(frame);
    to.hello(
        {.replica = {5}, .instance = 1, .history = std::move(history), .client_ms = wall_ms()});
    to.exchange({});
    if (write) {
      Bytes value;
      ValueWriter(value).text("value");
      OperationBatchBuilder builder;
      builder.begin({MapKind::Lww, ReplicaId{5}, *write, wall_ms(), as_bytes("map")});
      builder.add({OperationKind::LwwSet, *write, wall_ms() << 16, 0, as_bytes("k"), value});
      to.operations(builder.finish());
    }
    return http_exchange(server.port(), post(as_text(frame), "application/x-topgun"));
  };
  const Run first{100, 109};
  const std::string one = hello({true, true, {first, {70'000, 70'000}}}, 70'000);
  CHECK(status_line(one) == "HTTP/1.1 200 OK");
  const std::string other = hello({true, true, {first, {90'000, 89'999}}}, std::nullopt);
  CHECK(status_line(other) == "HTTP/1.1 409 Conflict");
}

TEST_CASE("http sync: a long poll is answered by the change it waits for") {
  TestServer server;
  const std::string synced = json(server.port(), R"([{"message":"subscribe","map":"notes"}])");
  const size_t at = synced.find(R"("message":"synced")");
  REQUIRE(at != std::string::npos);
  const size_t start = synced.find(R"("cursor":")", at) + 10;
  const std::string cursor = synced.substr(start, synced.find('"', start) - start);

  TestSocket waiting(server.port());
  waiting.send(post(R"([{"message":"hello"},{"message":"exchange","wait_ms":20000,"quiet":true},
      {"message":"subscribe","map":"notes","cursor":")" +
                        cursor + R"("}])",
                    "application/json", {}));
  CHECK_FALSE(waiting.receive(100).has_value());
  // What is sent meanwhile has to wait as well.
  waiting.send("GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
  CHECK_FALSE(waiting.receive(100).has_value());
  Bytes write = request_frame(9);
  add_write(write, 9, "notes", "key", wall_ms());
  CHECK(status_line(http_exchange(server.port(), post(as_text(write), "application/x-topgun"))) ==
        "HTTP/1.1 200 OK");
  const std::string answer = waiting.receive_all().value_or("");
  CHECK(status_line(answer) == "HTTP/1.1 200 OK");
  CHECK(contains(body(answer), R"("key":"key")"));
  CHECK(answer.ends_with("\r\n\r\nok\n"));
}

TEST_CASE("http sync: a stream brings changes of others as they come") {
  TestServer server;
  TestSocket stream(server.port());
  stream.send(
      "GET /sync/events?messages=%5B%7B%22message%22:%22subscribe%22,%22map%22:%22notes%22%7D%5D "
      "HTTP/1.1\r\nHost: localhost\r\n\r\n");
  std::string text;
  const auto read_until = [&](std::string_view part) {
    while (!contains(text, part)) {
      const auto bytes = stream.receive();
      if (!bytes || bytes->empty()) return false;
      text += as_text(*bytes);
    }
    return true;
  };
  REQUIRE(read_until(R"("message":"synced")"));
  for (const char* key : {"first", "second"}) {
    Bytes write = request_frame(9);
    add_write(write, 9, "notes", key, wall_ms());
    http_exchange(server.port(), post(as_text(write), "application/x-topgun"));
    CHECK(read_until(std::string(R"("key":")") + key));
  }
}

}  // namespace
}  // namespace topgun
