#pragma once

#include <memory>
#include <span>
#include <string>

#include "core/base/bytes.hpp"
#include "core/base/result.hpp"

namespace topgun::host {

/// Certificate and key of the server, shared by all its connections and threads.
class TlsContext {
 public:
  /// Reads PEM files: the certificate with its chain, and its private key. `InvalidArgument` if
  /// either cannot be read or they do not belong together. TLS 1.2 and later.
  static Result<std::unique_ptr<TlsContext>> load(const std::string& certificate_path,
                                                  const std::string& key_path);
  ~TlsContext();

  struct Handle;
  Handle& handle() { return *handle_; }

 private:
  TlsContext();
  std::unique_ptr<Handle> handle_;
};

/// The server's side of one TLS connection, without I/O: ciphertext in, plaintext out and the other
/// way round. OpenSSL works on memory buffers that are freed while nothing is pending.
class TlsSession {
 public:
  explicit TlsSession(TlsContext& context);
  ~TlsSession();

  /// Takes ciphertext from the peer.
  void receive(ByteView ciphertext);

  /// Writes decrypted bytes to `out`; 0 if more ciphertext is needed. `Closed` after the peer's
  /// close_notify, `Malformed` if the handshake or a record fails. The handshake happens in here.
  Result<size_t> read(std::span<uint8_t> out);

  /// Encrypts `plaintext`. Fails with `NotReady` before the handshake is done.
  Result<void> write(ByteView plaintext);

  /// Announces the end of our side.
  void close();

  /// Ciphertext for the peer; `sent` drops bytes from its front.
  ByteView pending() const;
  void sent(size_t bytes);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace topgun::host
