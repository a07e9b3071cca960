// The whole server over real sockets: the state machine, storage, tokens and rules together.

#include <doctest/doctest.h>
#include <stdlib.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <thread>

#include "host-native/storage/backup.hpp"
#include "host-native/storage/check.hpp"
#include "host-native/storage/posix_environment.hpp"
#include "tests/server/support/native_client.hpp"
#include "tests/server/support/test_server.hpp"
#include "tests/server/support/token_maker.hpp"

namespace topgun {
namespace {

using test::NativeClient;
using test::quiet_config;
using test::TestServer;
using test::TokenMaker;
using Content = std::map<std::string, std::string>;

/// A directory that ends with the test.
class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    char name[] = "/tmp/topgun-node-XXXXXX";
    REQUIRE(mkdtemp(name) != nullptr);
    path_ = name;
  }
  ~TemporaryDirectory() { [[maybe_unused]] const int status = system(("rm -r " + path_).c_str()); }
  std::string below(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

uint64_t wall_s() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::seconds>(now).count());
}

TEST_CASE("node: what one client writes another reads, whichever shard it is on") {
  TestServer server;
  NativeClient writer(server.port(), 1);
  REQUIRE(writer.welcomed());
  Content written;
  uint64_t last = 0;
  for (int i = 0; i < 200; ++i) {
    const std::string key = "key-" + std::to_string(i);
    written[key] = "value-" + std::to_string(i);
    last = writer.set("map", key, written[key]);
  }
  REQUIRE(writer.wait_ack(last, AckLevel::Memory));
  for (uint64_t replica = 2; replica < 5; ++replica) {
    NativeClient reader(server.port(), replica);
    CHECK(reader.read_map("map") == written);
  }
}

TEST_CASE("node: what was acked at local is there after a restart, with other shards too") {
  const TemporaryDirectory directory;
  host::ServerConfig config = quiet_config();
  config.data_directory = directory.below("data");
  Content written;
  for (uint16_t shards = 1; shards <= 3; ++shards) {
    CAPTURE(shards);
    config.shards = shards;
    TestServer server(config);
    NativeClient client(server.port(), 10 + shards);
    REQUIRE(client.welcomed());
    CHECK(client.read_map("map") == written);
    for (int i = 0; i < 20; ++i) {
      const std::string key = std::to_string(shards) + "/" + std::to_string(i);
      written[key] = "v" + std::to_string(i);
      REQUIRE(client.wait_ack(client.set("map", key, written[key]), AckLevel::Local));
    }
  }
}

TEST_CASE("node: a backup of a running server can be checked, restored and served") {
  const TemporaryDirectory directory;
  host::ServerConfig config = quiet_config();
  config.data_directory = directory.below("data");
  config.admin_token = "token";
  {
    TestServer server(config);
    NativeClient client(server.port(), 1);
    REQUIRE(client.wait_ack(client.set("map", "key", "kept"), AckLevel::Local));
    const std::string answer = test::http_exchange(
        server.port(), "POST /admin/backup?dir=" + directory.below("backup") +
                           " HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer token\r\n\r\n");
    CHECK(answer.starts_with("HTTP/1.1 200 OK\r\n"));
    REQUIRE(client.wait_ack(client.set("map", "key", "later"), AckLevel::Local));
  }
  const auto ignore = [](std::string_view) {};
  CHECK(host::check_directory(host::posix_environment(), directory.below("data"), ignore).ok());
  REQUIRE(host::restore_directory(host::posix_environment(), directory.below("backup"),
                                  directory.below("restored"), ignore)
              .ok());
  config.data_directory = directory.below("restored");
  TestServer server(config);
  CHECK(NativeClient(server.port(), 2).read_map("map") == Content{{"key", "kept"}});
}

/// A server that wants ES256 tokens, and their maker.
struct TokenFixture {
  TokenFixture() {
    std::ofstream(directory.below("key.pem")) << as_text(maker.public_material());
    config.auth = host::AuthMode::Jwt;
    config.jwt_keys = {{"k", "ES256", directory.below("key.pem")}};
    config.jwt_leeway_s = 0;
    config.allow = {"editor:notes/*:rw", "reader:notes/*:r"};
  }
  std::string token(const std::string& role, uint64_t expires_s) const {
    return maker.token(R"({"sub":"ann","roles":[")" + role + R"("],"exp":)" +
                       std::to_string(expires_s) + "}");
  }

  const TemporaryDirectory directory;
  const TokenMaker maker{host::JwtAlgorithm::ES256};
  host::ServerConfig config = quiet_config();
};

TEST_CASE("node: only a good token opens a session") {
  const TokenFixture fixture;
  TestServer server(fixture.config);
  CHECK(NativeClient(server.port(), 1).error() == Error::Unauthenticated);
  CHECK(NativeClient(server.port(), 1, "nonsense").error() == Error::TokenInvalid);
  CHECK(NativeClient(server.port(), 1, fixture.token("editor", wall_s() - 1)).error() ==
        Error::TokenExpired);
  CHECK(NativeClient(server.port(), 1, fixture.token("editor", wall_s() + 60)).welcomed());
}

TEST_CASE("node: roles decide which maps may be read and written") {
  const TokenFixture fixture;
  TestServer server(fixture.config);
  const uint64_t later = wall_s() + 600;
  NativeClient editor(server.port(), 1, fixture.token("editor", later));
  REQUIRE(editor.wait_ack(editor.set("notes/a", "key", "text"), AckLevel::Memory));
  CHECK_FALSE(editor.wait_ack(editor.set("secrets", "key", "text"), AckLevel::Memory));
  CHECK(editor.rejected_with() == Error::Forbidden);

  NativeClient reader(server.port(), 2, fixture.token("reader", later));
  CHECK(reader.read_map("notes/a") == Content{{"key", "text"}});
  CHECK_FALSE(reader.wait_ack(reader.set("notes/a", "key", "other"), AckLevel::Memory));
  CHECK(reader.rejected_with() == Error::Forbidden);
  CHECK(reader.read_map("secrets").empty());
  CHECK(reader.error() == Error::Forbidden);
}

TEST_CASE("node: a session ends when its token does") {
  const TokenFixture fixture;
  TestServer server(fixture.config);
  // Whole seconds: the token is good for one to two of them.
  NativeClient client(server.port(), 1, fixture.token("editor", wall_s() + 2));
  REQUIRE(client.welcomed());
  CHECK(client.wait_error() == Error::TokenExpired);
}

TEST_CASE("node: a client that says nothing is sent away") {
  host::ServerConfig config = quiet_config();
  config.limits.hello_timeout_ms = 50;
  TestServer server(config);
  test::WebSocketClient silent(server.port());
  REQUIRE(silent.connected());
  CHECK(silent.receive_close().has_value());
}

TEST_CASE("node: a session that falls silent is pinged, and closed when it does not answer") {
  host::ServerConfig config = quiet_config();
  config.limits.idle_timeout_ms = 300;
  TestServer server(config);
  NativeClient client(server.port(), 1);
  REQUIRE(client.welcomed());
  // The client never answers the node's Ping.
  CHECK(client.socket().receive_close().has_value());
}

TEST_CASE("node: a drain tells sessions before it closes them") {
  const TemporaryDirectory directory;
  host::ServerConfig config = quiet_config();
  config.data_directory = directory.below("data");
  TestServer server(config);
  NativeClient client(server.port(), 1);
  REQUIRE(client.wait_ack(client.set("map", "key", "value"), AckLevel::Local));
  std::thread stopping([&server] { server.stop(); });
  CHECK(client.wait_error() == Error::Draining);
  CHECK(client.socket().receive_close() == 1001);
  stopping.join();
}

}  // namespace
}  // namespace topgun
