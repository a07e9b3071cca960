#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/node/principal.hpp"

namespace topgun::host {

/// Signature algorithms of RFC 7518 and RFC 8037 that tokens may use.
enum class JwtAlgorithm : uint8_t { HS256, RS256, ES256, EdDSA };

/// Proves JSON Web Tokens (RFC 7519) signed with keys that the operator named.
///
/// A key belongs to one algorithm. The token's header only chooses among the keys by `kid` (or,
/// when there is a single key, nothing); a header that names another algorithm than its key's is
/// refused, so that neither `none` nor an HMAC under a public key can pass.
///
/// Claims: `sub` becomes the subject; `roles` (a list) or `role` (one text) the roles; `exp` the
/// end. `nbf` and `iat` must not lie in the future. Issuer and audience are compared when they are
/// configured. Thread-safe; a verdict costs a hash and a look-up when the same token comes again.
class JwtAuthenticator : public node::Authenticator {
 public:
  struct Options {
    std::string issuer = {};    ///< Required value of `iss`; empty: any.
    std::string audience = {};  ///< Required element of `aud`; empty: any.
    uint64_t leeway_ms = 30'000;
    size_t cache_entries_max = 4096;
  };

  static constexpr size_t kTokenBytesMax = 8 * 1024;
  static constexpr size_t kRolesMax = 64;
  /// RFC 7518 §3.2: a secret is at least as long as the hash.
  static constexpr size_t kSecretBytesMin = 32;

  explicit JwtAuthenticator(Options options);
  ~JwtAuthenticator() override;
  JwtAuthenticator(const JwtAuthenticator&) = delete;
  JwtAuthenticator& operator=(const JwtAuthenticator&) = delete;

  /// Adds a key: for HS256 the secret itself (one final newline is dropped), otherwise a PEM public
  /// key or certificate of the kind the algorithm needs (RSA of 2048 bits or more, P-256, Ed25519).
  /// `InvalidArgument` if it is not, or if the id is taken. Before the first `verify`.
  Result<void> add_key(const std::string& key_id, JwtAlgorithm algorithm, ByteView material);

  Result<node::Principal> verify(ByteView token, uint64_t wall_ms) const override;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

std::optional<JwtAlgorithm> jwt_algorithm_from(std::string_view name);
std::string_view jwt_algorithm_name(JwtAlgorithm algorithm);

}  // namespace topgun::host
