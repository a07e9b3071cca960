#pragma once

#include <string>

#include "core/base/bytes.hpp"
#include "host-native/auth/jwt.hpp"

typedef struct evp_pkey_st EVP_PKEY;

namespace topgun::test {

/// A fresh key pair, and tokens signed with it: the other side of what the server checks.
class TokenMaker {
 public:
  explicit TokenMaker(host::JwtAlgorithm algorithm);
  ~TokenMaker();
  TokenMaker(const TokenMaker&) = delete;
  TokenMaker& operator=(const TokenMaker&) = delete;

  /// What the server is given: a PEM public key, or the secret.
  const Bytes& public_material() const { return material_; }

  /// A token with these JSON texts, signed as the algorithm says.
  std::string sign(std::string_view header, std::string_view claims) const;
  /// The same with a header of this algorithm and key id.
  std::string token(std::string_view claims, std::string_view key_id = "k") const;

 private:
  Bytes signature(ByteView message) const;

  host::JwtAlgorithm algorithm_;
  EVP_PKEY* key_ = nullptr;
  Bytes material_;
};

/// A token whose signature is HMAC-SHA256 under `secret`, whatever its header says.
std::string hmac_token(ByteView secret, std::string_view header, std::string_view claims);

}  // namespace topgun::test
