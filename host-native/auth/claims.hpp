#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/base/bytes.hpp"

namespace topgun::host {

/// The header of a token.
struct JwtHeader {
  std::string algorithm;
  std::optional<std::string> key_id;
};

/// The claims that we look at. Times are milliseconds since 1970.
struct JwtClaims {
  std::string subject;
  std::vector<std::string> roles;
  std::string issuer;
  std::vector<std::string> audience;
  std::optional<uint64_t> expires_at_ms;
  std::optional<uint64_t> not_before_ms;
  std::optional<uint64_t> issued_at_ms;
};

/// Read a JSON object. Nothing if it is not one, a field we know has the wrong type or is too long,
/// or the header demands an extension (`crit`).
std::optional<JwtHeader> parse_jwt_header(ByteView json);
std::optional<JwtClaims> parse_jwt_claims(ByteView json);

}  // namespace topgun::host
