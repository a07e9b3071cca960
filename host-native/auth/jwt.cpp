#include "host-native/auth/jwt.hpp"

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/sha.h>
#include <openssl/x509.h>

#include <algorithm>
#include <array>
#include <deque>
#include <map>
#include <mutex>

#include "host-native/auth/base64url.hpp"
#include "host-native/auth/claims.hpp"

namespace topgun::host {

namespace {

template <auto Free>
struct Freed {
  template <typename T>
  void operator()(T* object) const {
    Free(object);
  }
};
using KeyPointer = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY_free>>;
using BioPointer = std::unique_ptr<BIO, Freed<BIO_free_all>>;
using DigestContext = std::unique_ptr<EVP_MD_CTX, Freed<EVP_MD_CTX_free>>;
using EcdsaSignature = std::unique_ptr<ECDSA_SIG, Freed<ECDSA_SIG_free>>;

constexpr std::string_view kAlgorithmNames[] = {"HS256", "RS256", "ES256", "EdDSA"};
constexpr int kRsaBitsMin = 2048;
constexpr size_t kEs256HalfBytes = 32;

KeyPointer read_public_key(ByteView pem) {
  const auto open = [pem] { return BioPointer(BIO_new_mem_buf(pem.data(), int(pem.size()))); };
  KeyPointer key(PEM_read_bio_PUBKEY(open().get(), nullptr, nullptr, nullptr));
  if (key == nullptr) {
    std::unique_ptr<X509, Freed<X509_free>> certificate(
        PEM_read_bio_X509(open().get(), nullptr, nullptr, nullptr));
    if (certificate != nullptr) key.reset(X509_get_pubkey(certificate.get()));
  }
  ERR_clear_error();
  return key;
}

bool key_fits(EVP_PKEY* key, JwtAlgorithm algorithm) {
  switch (algorithm) {
    case JwtAlgorithm::HS256:
      return false;
    case JwtAlgorithm::RS256:
      return EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA && EVP_PKEY_get_bits(key) >= kRsaBitsMin;
    case JwtAlgorithm::ES256: {
      char group[64] = {};
      size_t size = 0;
      return EVP_PKEY_get_base_id(key) == EVP_PKEY_EC &&
             EVP_PKEY_get_group_name(key, group, sizeof(group), &size) == 1 &&
             std::string_view(group) == "prime256v1";
    }
    case JwtAlgorithm::EdDSA:
      return EVP_PKEY_get_base_id(key) == EVP_PKEY_ED25519;
  }
  return false;
}

bool verify_hmac(const Bytes& secret, ByteView message, ByteView signature) {
  uint8_t expected[SHA256_DIGEST_LENGTH];
  unsigned int size = 0;
  const bool made = HMAC(EVP_sha256(), secret.data(), int(secret.size()), message.data(),
                         message.size(), expected, &size) != nullptr;
  return made && signature.size() == size && CRYPTO_memcmp(expected, signature.data(), size) == 0;
}

bool verify_digest(EVP_PKEY* key, const EVP_MD* digest, ByteView message, ByteView signature) {
  const DigestContext context(EVP_MD_CTX_new());
  const bool good = context != nullptr &&
                    EVP_DigestVerifyInit(context.get(), nullptr, digest, nullptr, key) == 1 &&
                    EVP_DigestVerify(context.get(), signature.data(), signature.size(),
                                     message.data(), message.size()) == 1;
  ERR_clear_error();
  return good;
}

/// Tokens carry the two numbers of a signature side by side, OpenSSL wants them in DER.
std::optional<Bytes> es256_to_der(ByteView raw) {
  if (raw.size() != 2 * kEs256HalfBytes) return std::nullopt;
  const EcdsaSignature signature(ECDSA_SIG_new());
  BIGNUM* r = BN_bin2bn(raw.data(), kEs256HalfBytes, nullptr);
  BIGNUM* s = BN_bin2bn(raw.data() + kEs256HalfBytes, kEs256HalfBytes, nullptr);
  if (signature == nullptr || ECDSA_SIG_set0(signature.get(), r, s) != 1) {
    BN_free(r);
    BN_free(s);
    return std::nullopt;
  }
  uint8_t* der = nullptr;
  const int size = i2d_ECDSA_SIG(signature.get(), &der);
  if (size <= 0) return std::nullopt;
  Bytes bytes(der, der + size);
  OPENSSL_free(der);
  return bytes;
}

struct Key {
  std::string id;
  JwtAlgorithm algorithm;
  Bytes secret;
  KeyPointer public_key;

  bool verify(ByteView message, ByteView signature) const {
    switch (algorithm) {
      case JwtAlgorithm::HS256:
        return verify_hmac(secret, message, signature);
      case JwtAlgorithm::RS256:
        return verify_digest(public_key.get(), EVP_sha256(), message, signature);
      case JwtAlgorithm::ES256: {
        const auto der = es256_to_der(signature);
        return der && verify_digest(public_key.get(), EVP_sha256(), message, *der);
      }
      case JwtAlgorithm::EdDSA:
        return verify_digest(public_key.get(), nullptr, message, signature);
    }
    return false;
  }
};

using TokenHash = std::array<uint8_t, SHA256_DIGEST_LENGTH>;

/// Claims of tokens whose signature was good; times are judged anew at each use. Only good tokens
/// get in, so that bad ones cannot push them out.
class VerdictCache {
 public:
  explicit VerdictCache(size_t entries_max) : entries_max_(entries_max) {}

  std::optional<JwtClaims> find(const TokenHash& hash) const {
    const std::lock_guard lock(mutex_);
    const auto found = entries_.find(hash);
    return found == entries_.end() ? std::nullopt : std::optional(found->second);
  }

  void insert(const TokenHash& hash, const JwtClaims& claims) {
    const std::lock_guard lock(mutex_);
    if (entries_max_ == 0 || !entries_.emplace(hash, claims).second) return;
    order_.push_back(hash);
    if (order_.size() <= entries_max_) return;
    entries_.erase(order_.front());
    order_.pop_front();
  }

 private:
  size_t entries_max_;
  mutable std::mutex mutex_;
  std::map<TokenHash, JwtClaims> entries_;
  std::deque<TokenHash> order_;
};

}  // namespace

class JwtAuthenticator::Impl {
 public:
  explicit Impl(Options options)
      : options_(std::move(options)), cache_(options_.cache_entries_max) {}

  Result<void> add_key(const std::string& id, JwtAlgorithm algorithm, ByteView material) {
    for (const Key& key : keys_) {
      if (key.id == id) return Error::InvalidArgument;
    }
    Key key{id, algorithm, {}, nullptr};
    if (algorithm == JwtAlgorithm::HS256) {
      key.secret = to_bytes(material);
      if (!key.secret.empty() && key.secret.back() == '\n') key.secret.pop_back();
      if (key.secret.size() < kSecretBytesMin) return Error::InvalidArgument;
    } else {
      key.public_key = read_public_key(material);
      if (key.public_key == nullptr || !key_fits(key.public_key.get(), algorithm)) {
        return Error::InvalidArgument;
      }
    }
    keys_.push_back(std::move(key));
    return {};
  }

  Result<node::Principal> verify(ByteView token, uint64_t wall_ms) const {
    if (token.empty()) return Error::Unauthenticated;
    if (token.size() > kTokenBytesMax) return Error::TokenInvalid;
    TokenHash hash;
    SHA256(token.data(), token.size(), hash.data());
    std::optional<JwtClaims> claims = cache_.find(hash);
    if (!claims) {
      claims = verified_claims(as_text(token));
      if (!claims) return Error::TokenInvalid;
      cache_.insert(hash, *claims);
    }
    return judge(*claims, wall_ms);
  }

 private:
  const Key* key_for(const JwtHeader& header) const {
    const auto found = std::find_if(keys_.begin(), keys_.end(), [&header](const Key& key) {
      return header.key_id ? key.id == *header.key_id : true;
    });
    if (found == keys_.end() || (!header.key_id && keys_.size() != 1)) return nullptr;
    return header.algorithm == jwt_algorithm_name(found->algorithm) ? &*found : nullptr;
  }

  std::optional<JwtClaims> verified_claims(std::string_view token) const {
    const size_t first = token.find('.');
    const size_t second = token.rfind('.');
    if (first == std::string_view::npos || second == first) return std::nullopt;
    const auto header_json = base64url_decode(token.substr(0, first));
    const auto payload = base64url_decode(token.substr(first + 1, second - first - 1));
    const auto signature = base64url_decode(token.substr(second + 1));
    if (!header_json || !payload || !signature) return std::nullopt;
    const auto header = parse_jwt_header(*header_json);
    if (!header) return std::nullopt;
    const Key* key = key_for(*header);
    if (key == nullptr || !key->verify(as_bytes(token.substr(0, second)), *signature)) {
      return std::nullopt;
    }
    return parse_jwt_claims(*payload);
  }

  Result<node::Principal> judge(const JwtClaims& claims, uint64_t wall_ms) const {
    const uint64_t latest_ms = wall_ms + options_.leeway_ms;
    if (!options_.issuer.empty() && claims.issuer != options_.issuer) return Error::TokenInvalid;
    const bool audience_fits =
        options_.audience.empty() || std::find(claims.audience.begin(), claims.audience.end(),
                                               options_.audience) != claims.audience.end();
    if (!audience_fits) return Error::TokenInvalid;
    if (claims.not_before_ms && *claims.not_before_ms > latest_ms) return Error::TokenInvalid;
    if (claims.issued_at_ms && *claims.issued_at_ms > latest_ms) return Error::TokenInvalid;

    node::Principal principal{claims.subject, claims.roles, 0};
    if (claims.expires_at_ms) {
      principal.expires_at_ms = *claims.expires_at_ms + options_.leeway_ms;
      if (principal.expires_at_ms <= wall_ms) return Error::TokenExpired;
    }
    return principal;
  }

  Options options_;
  std::vector<Key> keys_;
  mutable VerdictCache cache_;
};

JwtAuthenticator::JwtAuthenticator(Options options)
    : impl_(std::make_unique<Impl>(std::move(options))) {}
JwtAuthenticator::~JwtAuthenticator() = default;

Result<void> JwtAuthenticator::add_key(const std::string& key_id, JwtAlgorithm algorithm,
                                       ByteView material) {
  return impl_->add_key(key_id, algorithm, material);
}

Result<node::Principal> JwtAuthenticator::verify(ByteView token, uint64_t wall_ms) const {
  return impl_->verify(token, wall_ms);
}

std::optional<JwtAlgorithm> jwt_algorithm_from(std::string_view name) {
  for (size_t i = 0; i < std::size(kAlgorithmNames); ++i) {
    if (kAlgorithmNames[i] == name) return static_cast<JwtAlgorithm>(i);
  }
  return std::nullopt;
}

std::string_view jwt_algorithm_name(JwtAlgorithm algorithm) {
  return kAlgorithmNames[static_cast<size_t>(algorithm)];
}

}  // namespace topgun::host
