#pragma once

#include <optional>
#include <string>

#include "core/base/bytes.hpp"

namespace topgun::host {

/// Base64 with the URL alphabet and without padding (RFC 4648 §5), as tokens use it.
std::string base64url_encode(ByteView bytes);

/// Nothing for other characters, padding, an impossible length, or bits set beyond the last byte:
/// each byte string has exactly one spelling.
std::optional<Bytes> base64url_decode(std::string_view text);

}  // namespace topgun::host
