#include <doctest/doctest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <unistd.h>

#include "tests/server/support/test_server.hpp"
#include "tests/server/support/test_socket.hpp"

namespace topgun {
namespace {

using test::quiet_config;
using test::TestServer;
using test::TestSocket;

/// A self-signed certificate and its key in files that end with the test.
class Certificate {
 public:
  Certificate() {
    for (char* path : {certificate_path, key_path}) {
      const int fd = mkstemp(path);
      REQUIRE(fd >= 0);
      close(fd);
    }
    EVP_PKEY* key = EVP_EC_gen("P-256");
    X509* certificate = X509_new();
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -60);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
    X509_set_pubkey(certificate, key);
    X509_NAME* name = X509_get_subject_name(certificate);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                               reinterpret_cast<const unsigned char*>("localhost"), -1, -1, 0);
    X509_set_issuer_name(certificate, name);
    REQUIRE(X509_sign(certificate, key, EVP_sha256()) > 0);
    FILE* file = fopen(certificate_path, "w");
    PEM_write_X509(file, certificate);
    fclose(file);
    file = fopen(key_path, "w");
    PEM_write_PrivateKey(file, key, nullptr, nullptr, 0, nullptr, nullptr);
    fclose(file);
    X509_free(certificate);
    EVP_PKEY_free(key);
  }
  ~Certificate() {
    unlink(certificate_path);
    unlink(key_path);
  }

  char certificate_path[32] = "/tmp/topgun-cert-XXXXXX";
  char key_path[32] = "/tmp/topgun-key-XXXXXX";
};

/// OpenSSL's own client over a blocking socket.
class TlsClient {
 public:
  explicit TlsClient(uint16_t port) : socket_(port), context_(SSL_CTX_new(TLS_client_method())) {
    ssl_ = SSL_new(context_);
    SSL_set_fd(ssl_, socket_.fd());
    connected_ = SSL_connect(ssl_) == 1;
  }
  ~TlsClient() {
    SSL_free(ssl_);
    SSL_CTX_free(context_);
  }
  TlsClient(const TlsClient&) = delete;
  TlsClient& operator=(const TlsClient&) = delete;

  bool connected() const { return connected_; }
  bool send(ByteView bytes) {
    return SSL_write(ssl_, bytes.data(), static_cast<int>(bytes.size())) > 0;
  }
  /// Reads until `size` bytes are there or the stream ends.
  std::string receive(size_t size) {
    std::string text;
    char buffer[65536];
    while (text.size() < size) {
      const int got = SSL_read(ssl_, buffer, static_cast<int>(std::min(sizeof(buffer), size)));
      if (got <= 0) break;
      text.append(buffer, static_cast<size_t>(got));
    }
    return text;
  }

 private:
  TestSocket socket_;
  SSL_CTX* context_;
  SSL* ssl_ = nullptr;
  bool connected_ = false;
};

host::ServerConfig tls_config(const Certificate& certificate) {
  host::ServerConfig config = quiet_config();
  config.tls_certificate = certificate.certificate_path;
  config.tls_key = certificate.key_path;
  return config;
}

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
