// No bytes make a token that nobody signed. The readers behind the signature are fed directly,
// since no fuzzer finds its way through an HMAC.

#include "core/base/assert.hpp"
#include "host-native/auth/base64url.hpp"
#include "host-native/auth/claims.hpp"
#include "host-native/auth/jwt.hpp"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace topgun;
  using namespace topgun::host;
  static const JwtAuthenticator* const kAuthenticator = [] {
    auto* authenticator = new JwtAuthenticator({});
    TG_ASSERT(authenticator
                  ->add_key("k", JwtAlgorithm::HS256, as_bytes("0123456789abcdef0123456789abcdef"))
                  .ok());
    return authenticator;
  }();
  const ByteView input(data, size);
  TG_ASSERT(!kAuthenticator->verify(input, 1'700'000'000'000).ok());
  if (const auto claims = parse_jwt_claims(input)) {
    TG_ASSERT(claims->roles.size() <= 2 * JwtAuthenticator::kRolesMax);
  }
  (void)parse_jwt_header(input);
  if (const auto bytes = base64url_decode(as_text(input))) {
    TG_ASSERT(base64url_encode(*bytes) == as_text(input));
  }
  return 0;
}
