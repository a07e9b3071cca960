#pragma once

#include <doctest/doctest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <unistd.h>

#include "tests/server/support/test_server.hpp"
#include "tests/server/support/test_socket.hpp"

namespace topgun::test {

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

/// A quiet server that speaks TLS.
inline host::ServerConfig tls_config(const Certificate& certificate) {
  host::ServerConfig config = quiet_config();
  config.tls_certificate = certificate.certificate_path;
  config.tls_key = certificate.key_path;
  return config;
}

}  // namespace topgun::test
