#include "host-native/net/tls.hpp"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include "core/base/assert.hpp"

namespace topgun::host {

struct TlsContext::Handle {
  SSL_CTX* context = nullptr;
  ~Handle() { SSL_CTX_free(context); }
};

TlsContext::TlsContext() : handle_(std::make_unique<Handle>()) {}
TlsContext::~TlsContext() = default;

Result<std::unique_ptr<TlsContext>> TlsContext::load(const std::string& certificate_path,
                                                     const std::string& key_path) {
  std::unique_ptr<TlsContext> result(new TlsContext());
  SSL_CTX* context = SSL_CTX_new(TLS_server_method());
  if (context == nullptr) return Error::OutOfMemory;
  result->handle_->context = context;
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
  const bool usable =
      SSL_CTX_use_certificate_chain_file(context, certificate_path.c_str()) == 1 &&
      SSL_CTX_use_PrivateKey_file(context, key_path.c_str(), SSL_FILETYPE_PEM) == 1 &&
      SSL_CTX_check_private_key(context) == 1;
  ERR_clear_error();
  if (!usable) return Error::InvalidArgument;
  return result;
}

struct TlsSession::State {
  SSL* ssl = nullptr;
  BIO* in = nullptr;   // Owned by `ssl`.
  BIO* out = nullptr;  // Owned by `ssl`.

  ~State() { SSL_free(ssl); }
};

TlsSession::TlsSession(TlsContext& context) : state_(std::make_unique<State>()) {
  state_->ssl = SSL_new(context.handle().context);
  state_->in = BIO_new(BIO_s_mem());
  state_->out = BIO_new(BIO_s_mem());
  TG_ASSERT(state_->ssl != nullptr && state_->in != nullptr && state_->out != nullptr);
  // An empty buffer means "come back later", not the end of the stream.
  BIO_set_mem_eof_return(state_->in, -1);
  BIO_set_mem_eof_return(state_->out, -1);
  SSL_set_bio(state_->ssl, state_->in, state_->out);
  SSL_set_accept_state(state_->ssl);
}

TlsSession::~TlsSession() = default;

void TlsSession::receive(ByteView ciphertext) {
  BIO_write(state_->in, ciphertext.data(), static_cast<int>(ciphertext.size()));
}

Result<size_t> TlsSession::read(std::span<uint8_t> out) {
  ERR_clear_error();
  size_t size = 0;
  if (SSL_read_ex(state_->ssl, out.data(), out.size(), &size) == 1) return size;
  switch (SSL_get_error(state_->ssl, 0)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
      return size_t{0};
    case SSL_ERROR_ZERO_RETURN:
      return Error::Closed;
    default:
      return Error::Malformed;
  }
}

Result<void> TlsSession::write(ByteView plaintext) {
  if (plaintext.empty()) return {};
  if (!SSL_is_init_finished(state_->ssl)) return Error::NotReady;
  ERR_clear_error();
  size_t written = 0;
  // A memory buffer takes everything; a short write cannot happen.
  if (SSL_write_ex(state_->ssl, plaintext.data(), plaintext.size(), &written) != 1) {
    return Error::Closed;
  }
  TG_ASSERT(written == plaintext.size());
  return {};
}

void TlsSession::close() {
  ERR_clear_error();
  if (SSL_is_init_finished(state_->ssl)) SSL_shutdown(state_->ssl);
}

ByteView TlsSession::pending() const {
  char* data = nullptr;
  const long size = BIO_get_mem_data(state_->out, &data);
  return {reinterpret_cast<const uint8_t*>(data), static_cast<size_t>(size < 0 ? 0 : size)};
}

void TlsSession::sent(size_t bytes) {
  // Reading is the only way to drop the front of a memory BIO.
  uint8_t sink[4096];
  while (bytes > 0) {
    const int got =
        BIO_read(state_->out, sink, static_cast<int>(bytes < sizeof(sink) ? bytes : sizeof(sink)));
    TG_ASSERT(got > 0);
    bytes -= static_cast<size_t>(got);
  }
}

}  // namespace topgun::host
