#include "host-native/auth/jwt.hpp"

#include <doctest/doctest.h>

#include "host-native/auth/base64url.hpp"
#include "tests/server/support/token_maker.hpp"

namespace topgun::host {
namespace {

using test::hmac_token;
using test::TokenMaker;

constexpr uint64_t kNow = 1'700'000'000'000;
constexpr JwtAlgorithm kAlgorithms[] = {JwtAlgorithm::HS256, JwtAlgorithm::RS256,
                                        JwtAlgorithm::ES256, JwtAlgorithm::EdDSA};

/// An authenticator without leeway that knows this maker's key as "k".
struct Fixture {
  explicit Fixture(const TokenMaker& maker, JwtAlgorithm algorithm,
                   JwtAuthenticator::Options options = {.leeway_ms = 0})
      : authenticator(std::move(options)) {
    REQUIRE(authenticator.add_key("k", algorithm, maker.public_material()).ok());
  }
  Result<node::Principal> verify(std::string_view token, uint64_t now = kNow) {
    return authenticator.verify(as_bytes(token), now);
  }
  JwtAuthenticator authenticator;
};

TEST_CASE("jwt: every algorithm accepts its own tokens, with the claims they carry") {
  for (const JwtAlgorithm algorithm : kAlgorithms) {
    CAPTURE(jwt_algorithm_name(algorithm));
    const TokenMaker maker(algorithm);
    Fixture fixture(maker, algorithm);
    const std::string token = maker.token(
        R"({"sub":"ann","roles":["editor","admin"],"exp":1700000060,"iat":1699999999})");
    for (int repeat = 0; repeat < 2; ++repeat) {  // The second verdict comes from the cache.
      const auto principal = fixture.verify(token);
      REQUIRE(principal.ok());
      CHECK(principal->subject == "ann");
      CHECK(principal->roles == std::vector<std::string>{"editor", "admin"});
      CHECK(principal->expires_at_ms == 1'700'000'060'000);
    }
  }
}

TEST_CASE("jwt: a token is refused when any of its bytes is another") {
  for (const JwtAlgorithm algorithm : kAlgorithms) {
    CAPTURE(jwt_algorithm_name(algorithm));
    const TokenMaker maker(algorithm);
    Fixture fixture(maker, algorithm);
    const std::string token = maker.token(R"({"sub":"ann"})");
    for (size_t i = 0; i < token.size(); i += 3) {
      std::string changed = token;
      changed[i] = changed[i] == 'A' ? 'B' : 'A';
      CAPTURE(i);
      CHECK(fixture.verify(changed).error() == Error::TokenInvalid);
    }
    for (size_t size = 1; size < token.size(); size += 5) {
      CAPTURE(size);
      CHECK(fixture.verify(token.substr(0, size)).error() == Error::TokenInvalid);
    }
  }
}

TEST_CASE("jwt: the key decides the algorithm, not the token") {
  const TokenMaker rsa(JwtAlgorithm::RS256);
  Fixture fixture(rsa, JwtAlgorithm::RS256);
  constexpr std::string_view kClaims = R"({"sub":"ann"})";
  const std::string unsigned_part = base64url_encode(as_bytes(R"({"alg":"none","kid":"k"})")) +
                                    "." + base64url_encode(as_bytes(kClaims));
  CHECK(fixture.verify(unsigned_part + ".").error() == Error::TokenInvalid);
  CHECK(fixture.verify(unsigned_part).error() == Error::TokenInvalid);
  // An HMAC under the public key, which everybody has.
  const std::string confused =
      hmac_token(rsa.public_material(), R"({"alg":"HS256","kid":"k"})", kClaims);
  CHECK(fixture.verify(confused).error() == Error::TokenInvalid);
  const std::string mislabelled =
      hmac_token(rsa.public_material(), R"({"alg":"RS256","kid":"k"})", kClaims);
  CHECK(fixture.verify(mislabelled).error() == Error::TokenInvalid);
  // A good signature under a header that names another algorithm.
  CHECK(fixture.verify(rsa.sign(R"({"alg":"ES256","kid":"k"})", kClaims)).error() ==
        Error::TokenInvalid);
}

TEST_CASE("jwt: keys are found by their id, and only a single key needs none") {
  const TokenMaker first(JwtAlgorithm::ES256);
  const TokenMaker second(JwtAlgorithm::EdDSA);
  Fixture fixture(first, JwtAlgorithm::ES256);
  const std::string anonymous = first.sign(R"({"alg":"ES256"})", "{}");
  CHECK(fixture.verify(anonymous).ok());
  CHECK(fixture.verify(first.token("{}", "other")).error() == Error::TokenInvalid);

  Fixture both(first, JwtAlgorithm::ES256);
  REQUIRE(both.authenticator.add_key("l", JwtAlgorithm::EdDSA, second.public_material()).ok());
  CHECK(both.verify(first.token("{}", "k")).ok());
  CHECK(both.verify(second.token("{}", "l")).ok());
  CHECK(both.verify(second.token("{}", "k")).error() == Error::TokenInvalid);
  CHECK(both.verify(anonymous).error() == Error::TokenInvalid);
}

TEST_CASE("jwt: times are judged at every use, also of a cached token") {
  const TokenMaker maker(JwtAlgorithm::HS256);
  Fixture fixture(maker, JwtAlgorithm::HS256);
  const std::string token = maker.token(R"({"nbf":1700000000,"exp":1700000060.5})");
  CHECK(fixture.verify(token, 1'699'999'999'999).error() == Error::TokenInvalid);
  CHECK(fixture.verify(token, 1'700'000'000'000).ok());
  CHECK(fixture.verify(token, 1'700'000'060'499).ok());
  CHECK(fixture.verify(token, 1'700'000'060'500).error() == Error::TokenExpired);
  CHECK(fixture.verify(maker.token(R"({"iat":1700000001})")).error() == Error::TokenInvalid);

  Fixture lenient(maker, JwtAlgorithm::HS256, {.leeway_ms = 5000});
  CHECK(lenient.verify(token, 1'699'999'995'000).ok());
  CHECK(lenient.verify(token, 1'700'000'065'499).ok());
  CHECK(lenient.verify(token, 1'700'000'065'500).error() == Error::TokenExpired);
}

TEST_CASE("jwt: issuer and audience must fit where they are configured") {
  const TokenMaker maker(JwtAlgorithm::HS256);
  Fixture fixture(maker, JwtAlgorithm::HS256, {.issuer = "us", .audience = "grid", .leeway_ms = 0});
  CHECK(fixture.verify(maker.token(R"({"iss":"us","aud":"grid"})")).ok());
  CHECK(fixture.verify(maker.token(R"({"iss":"us","aud":["x","grid"]})")).ok());
  CHECK(fixture.verify(maker.token(R"({"iss":"us","aud":["x"]})")).error() == Error::TokenInvalid);
  CHECK(fixture.verify(maker.token(R"({"aud":"grid"})")).error() == Error::TokenInvalid);
  CHECK(fixture.verify(maker.token(R"({"iss":"us"})")).error() == Error::TokenInvalid);
}

TEST_CASE("jwt: claims of a wrong type or size are refused, even when signed") {
  const TokenMaker maker(JwtAlgorithm::HS256);
  Fixture fixture(maker, JwtAlgorithm::HS256);
  const std::string many_roles = [] {
    std::string list = "\"r\"";
    for (size_t i = 0; i < JwtAuthenticator::kRolesMax; ++i) list += ",\"r\"";
    return R"({"roles":[)" + list + "]}";
  }();
  const std::string bad[] = {"",
                             "[]",
                             "null",
                             "{",
                             R"({"sub":1})",
                             R"({"roles":"a,b","role":7})",
                             R"({"roles":[1]})",
                             R"({"exp":"soon"})",
                             R"({"exp":-1})",
                             R"({"exp":1e300})",
                             R"({"sub":"a"} trailing)",
                             R"({"a":[[[[[[[[[[1]]]]]]]]]]})",
                             "{\"sub\":\"\xff\"}",
                             R"({"sub":")" + std::string(2000, 'x') + "\"}",
                             many_roles};
  for (const std::string& claims : bad) {
    CAPTURE(claims);
    CHECK(fixture.verify(maker.token(claims)).error() == Error::TokenInvalid);
  }
  CHECK(fixture.verify(maker.sign(R"({"alg":"HS256","kid":"k","crit":["b64"]})", "{}")).error() ==
        Error::TokenInvalid);
  CHECK(fixture.verify("").error() == Error::Unauthenticated);
  CHECK(fixture.verify(std::string(JwtAuthenticator::kTokenBytesMax + 1, 'a')).error() ==
        Error::TokenInvalid);
}

TEST_CASE("jwt: keys of the wrong kind, weak secrets and repeated ids are refused") {
  const TokenMaker rsa(JwtAlgorithm::RS256);
  JwtAuthenticator authenticator({});
  CHECK_FALSE(authenticator.add_key("a", JwtAlgorithm::ES256, rsa.public_material()).ok());
  CHECK_FALSE(authenticator.add_key("a", JwtAlgorithm::EdDSA, rsa.public_material()).ok());
  CHECK_FALSE(authenticator.add_key("a", JwtAlgorithm::RS256, as_bytes("no key")).ok());
  CHECK_FALSE(authenticator.add_key("a", JwtAlgorithm::HS256, as_bytes("too short")).ok());
  CHECK(authenticator.add_key("a", JwtAlgorithm::RS256, rsa.public_material()).ok());
  CHECK_FALSE(authenticator.add_key("a", JwtAlgorithm::RS256, rsa.public_material()).ok());
}

TEST_CASE("base64url: each byte string has one spelling") {
  CHECK(base64url_encode(as_bytes("")) == "");
  CHECK(base64url_encode(as_bytes("f")) == "Zg");
  CHECK(base64url_encode(as_bytes("fo")) == "Zm8");
  CHECK(base64url_encode(as_bytes("foo")) == "Zm9v");
  CHECK(base64url_encode(Bytes{0xfb, 0xff}) == "-_8");
  CHECK(base64url_decode("-_8") == Bytes{0xfb, 0xff});
  for (const char* bad : {"Z", "Zh", "Zm9", "Zg==", "Zg=", "Z+8", "Z/8", "Z 8"}) {
    CAPTURE(bad);
    CHECK_FALSE(base64url_decode(bad).has_value());
  }
}

}  // namespace
}  // namespace topgun::host
