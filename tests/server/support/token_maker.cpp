#include "tests/server/support/token_maker.hpp"

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "core/base/assert.hpp"
#include "host-native/auth/base64url.hpp"

namespace topgun::test {

using host::base64url_encode;
using host::JwtAlgorithm;

namespace {

EVP_PKEY* generate(JwtAlgorithm algorithm) {
  switch (algorithm) {
    case JwtAlgorithm::HS256:
      return nullptr;
    case JwtAlgorithm::RS256:
      return EVP_RSA_gen(2048);
    case JwtAlgorithm::ES256:
      return EVP_EC_gen("P-256");
    case JwtAlgorithm::EdDSA:
      return EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519");
  }
  return nullptr;
}

Bytes hmac(ByteView secret, ByteView message) {
  uint8_t digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()), message.data(), message.size(),
       digest, &size);
  return Bytes(digest, digest + size);
}

std::string body(std::string_view header, std::string_view claims) {
  return base64url_encode(as_bytes(header)) + "." + base64url_encode(as_bytes(claims));
}

}  // namespace

TokenMaker::TokenMaker(JwtAlgorithm algorithm) : algorithm_(algorithm), key_(generate(algorithm)) {
  if (key_ == nullptr) {
    material_ = to_bytes(as_bytes("a secret of the tests, long enough"));
    return;
  }
  BIO* out = BIO_new(BIO_s_mem());
  PEM_write_bio_PUBKEY(out, key_);
  char* data = nullptr;
  const long size = BIO_get_mem_data(out, &data);
  material_.assign(data, data + size);
  BIO_free(out);
}

TokenMaker::~TokenMaker() { EVP_PKEY_free(key_); }

Bytes TokenMaker::signature(ByteView message) const {
  if (key_ == nullptr) return hmac(material_, message);
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  const EVP_MD* digest = algorithm_ == JwtAlgorithm::EdDSA ? nullptr : EVP_sha256();
  size_t size = 1024;
  Bytes bytes(size);
  EVP_DigestSignInit(context, nullptr, digest, nullptr, key_);
  TG_ASSERT(EVP_DigestSign(context, bytes.data(), &size, message.data(), message.size()) == 1);
  EVP_MD_CTX_free(context);
  bytes.resize(size);
  if (algorithm_ != JwtAlgorithm::ES256) return bytes;

  const uint8_t* at = bytes.data();
  ECDSA_SIG* parts = d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(bytes.size()));
  Bytes raw(64);
  BN_bn2binpad(ECDSA_SIG_get0_r(parts), raw.data(), 32);
  BN_bn2binpad(ECDSA_SIG_get0_s(parts), raw.data() + 32, 32);
  ECDSA_SIG_free(parts);
  return raw;
}

std::string TokenMaker::sign(std::string_view header, std::string_view claims) const {
  const std::string signed_part = body(header, claims);
  return signed_part + "." + base64url_encode(signature(as_bytes(signed_part)));
}

std::string TokenMaker::token(std::string_view claims, std::string_view key_id) const {
  return sign(R"({"alg":")" + std::string(jwt_algorithm_name(algorithm_)) +
                  R"(","typ":"JWT","kid":")" + std::string(key_id) + R"("})",
              claims);
}

std::string hmac_token(ByteView secret, std::string_view header, std::string_view claims) {
  const std::string signed_part = body(header, claims);
  return signed_part + "." + base64url_encode(hmac(secret, as_bytes(signed_part)));
}

}  // namespace topgun::test
