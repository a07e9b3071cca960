#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

#include "tests/server/support/test_server.hpp"
#include "tests/server/support/websocket_client.hpp"

namespace topgun {
namespace {

using test::http_exchange;
using test::http_get;
using test::quiet_config;
using test::TestServer;
using test::WebSocketClient;

/// A directory of files that ends with the test.
class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    char name[] = "/tmp/topgun-http-XXXXXX";
    REQUIRE(mkdtemp(name) != nullptr);
    path_ = name;
  }
  ~TemporaryDirectory() { [[maybe_unused]] const int status = system(("rm -r " + path_).c_str()); }
  const std::string& path() const { return path_; }
  void write(const std::string& name, const std::string& content) const {
    std::ofstream(path_ + "/" + name, std::ios::binary) << content;
  }

 private:
  std::string path_;
};

bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

std::string header_value(const std::string& answer, const std::string& name) {
  const size_t start = answer.find("\r\n" + name + ": ");
  if (start == std::string::npos) return {};
  const size_t value = start + name.size() + 4;
  return answer.substr(value, answer.find('\r', value) - value);
}

std::string body(const std::string& answer) { return answer.substr(answer.find("\r\n\r\n") + 4); }

TEST_CASE("http: health, readiness and metrics are on the same port as the WebSocket") {
  TestServer server;
  CHECK(body(http_get(server.port(), "/healthz")) == "ok\n");
  CHECK(body(http_get(server.port(), "/readyz")) == "ready\n");
  const std::string metrics = http_get(server.port(), "/metrics");
  CHECK(contains(metrics, "# TYPE topgun_connections gauge\n"));
  CHECK(contains(metrics, "# TYPE topgun_frames_received_total counter\n"));
  CHECK(contains(metrics, "topgun_frames_received_total{shard=\"1\"} "));
  CHECK(contains(metrics, "\ntopgun_ready 1\n"));
}

TEST_CASE("http: files are served with their type, and not again when unchanged") {
  const TemporaryDirectory directory;
  directory.write("index.html", "<p>home</p>");
  directory.write("core.wasm", std::string("\0asm", 4));
  host::ServerConfig config = quiet_config();
  config.mounts = {{"/", directory.path()}, {"/lib/", directory.path()}};
  TestServer server(config);

  const std::string home = http_get(server.port(), "/");
  CHECK(home.starts_with("HTTP/1.1 200 OK\r\n"));
  CHECK(header_value(home, "Content-Type") == "text/html; charset=utf-8");
  CHECK(body(home) == "<p>home</p>");
  const std::string wasm = http_get(server.port(), "/lib/core.wasm?v=1");
  CHECK(header_value(wasm, "Content-Type") == "application/wasm");
  CHECK(body(wasm) == std::string("\0asm", 4));

  const std::string tag = header_value(home, "ETag");
  const std::string again = http_get(server.port(), "/", "If-None-Match: " + tag + "\r\n");
  CHECK(again.starts_with("HTTP/1.1 304 Not Modified\r\n"));
  CHECK(body(again).empty());
  directory.write("index.html", "<p>new home</p>");
  CHECK(http_get(server.port(), "/", "If-None-Match: " + tag + "\r\n")
            .starts_with("HTTP/1.1 200 OK\r\n"));

  const std::string head =
      http_exchange(server.port(), "HEAD / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  CHECK(header_value(head, "Content-Length") == "15");
  CHECK(body(head).empty());
}

TEST_CASE("http: a packed file beside the plain one is taken where the client accepts it") {
  const TemporaryDirectory directory;
  directory.write("app.js", "plain");
  directory.write("app.js.br", "brotli");
  directory.write("app.js.gz", "gzip");
  host::ServerConfig config = quiet_config();
  config.mounts = {{"/", directory.path()}};
  TestServer server(config);
  struct Case {
    const char* accepts;
    const char* body;
    const char* encoding;
  };
  const Case cases[] = {{"", "plain", ""},
                        {"Accept-Encoding: gzip, deflate, br\r\n", "brotli", "br"},
                        {"Accept-Encoding: gzip\r\n", "gzip", "gzip"},
                        {"Accept-Encoding: br;q=0, gzip;q=0.5\r\n", "gzip", "gzip"},
                        {"Accept-Encoding: brx\r\n", "plain", ""}};
  for (const Case& c : cases) {
    CAPTURE(c.accepts);
    const std::string answer = http_get(server.port(), "/app.js", c.accepts);
    CHECK(body(answer) == c.body);
    CHECK(header_value(answer, "Content-Encoding") == c.encoding);
    CHECK(header_value(answer, "Content-Type") == "text/javascript; charset=utf-8");
  }
}

TEST_CASE("http: no path leads out of the directory or to hidden files") {
  const TemporaryDirectory outside;
  outside.write("secret", "secret");
  const TemporaryDirectory directory;
  directory.write("file", "open");
  directory.write(".env", "secret");
  REQUIRE(symlink((outside.path() + "/secret").c_str(), (directory.path() + "/link").c_str()) == 0);
  REQUIRE(symlink("file", (directory.path() + "/inner").c_str()) == 0);
  host::ServerConfig config = quiet_config();
  config.mounts = {{"/", directory.path()}};
  TestServer server(config);
  const std::string secret_name = outside.path().substr(4);
  for (const std::string& target :
       {"/.." + secret_name + "/secret", "/%2e%2e" + secret_name + "/secret",
        "/..%2f" + secret_name + "/secret", std::string("/../../../../etc/passwd"),
        std::string("/.env"), std::string("/%2Eenv"), std::string("/link"),
        std::string("//etc/passwd"), std::string("/file%00.html"), std::string("/..\\file"),
        std::string("/nothing")}) {
    CAPTURE(target);
    const std::string answer = http_get(server.port(), target);
    CHECK_FALSE(contains(answer, "secret"));
    CHECK(answer.starts_with("HTTP/1.1 404 Not Found\r\n"));
  }
  CHECK(body(http_get(server.port(), "/inner")) == "open");
}

TEST_CASE("http: backups need the admin token and a data directory") {
  host::ServerConfig config = quiet_config();
  const auto post = [](uint16_t port, const std::string& headers) {
    return http_exchange(port, "POST /admin/backup?dir=%2Ftmp%2Fx HTTP/1.1\r\nHost: h\r\n" +
                                   headers + "Connection: close\r\n\r\n");
  };
  {
    TestServer server(config);
    CHECK(post(server.port(), "Authorization: Bearer \r\n").starts_with("HTTP/1.1 403"));
  }
  config.admin_token = "opensesame";
  TestServer server(config);
  CHECK(post(server.port(), "").starts_with("HTTP/1.1 401"));
  CHECK(post(server.port(), "Authorization: Bearer opensesamf\r\n").starts_with("HTTP/1.1 401"));
  CHECK(post(server.port(), "Authorization: Bearer opensesame\r\n").starts_with("HTTP/1.1 503"));
  CHECK(http_get(server.port(), "/admin/backup").starts_with("HTTP/1.1 405"));
}

TEST_CASE("http: our own origin and those on the list may open a WebSocket") {
  host::ServerConfig config = quiet_config();
  config.origins = {"https://app.example"};
  TestServer server(config);
  CHECK(WebSocketClient(server.port()).connected());
  CHECK(WebSocketClient(server.port(), "Origin: http://localhost\r\n").connected());
  CHECK(WebSocketClient(server.port(), "Origin: https://app.example\r\n").connected());
  CHECK_FALSE(WebSocketClient(server.port(), "Origin: http://app.example\r\n").connected());
  config.origins = {"*"};
  TestServer open(config);
  CHECK(WebSocketClient(open.port(), "Origin: https://any.example\r\n").connected());
}

}  // namespace
}  // namespace topgun
