#pragma once

#include <optional>
#include <string_view>

#include "core/base/bytes.hpp"
#include "core/base/result.hpp"

namespace topgun::host {

/// How a body is packed for the way (RFC 9110 §8.4).
enum class ContentCoding : uint8_t { Identity, Gzip, Brotli };

/// As headers name it; empty for `Identity`.
std::string_view coding_name(ContentCoding coding);

/// What a Content-Encoding header says; nothing if it names anything but one coding that we know.
std::optional<ContentCoding> coding_from(std::string_view content_encoding);

/// Whether an Accept-Encoding header names `coding` with a weight above zero.
bool accepts_coding(std::string_view accept_encoding, std::string_view coding);

/// The best coding that an Accept-Encoding header names.
ContentCoding accepted_coding(std::string_view accept_encoding);

/// Undoes `coding`. `TooLarge` once the result exceeds `bytes_max`, however small the input was:
/// nothing beyond that is ever unpacked. `Malformed` for anything but one whole stream, `Truncated`
/// if it ends early. O(result).
Result<Bytes> unpack(ContentCoding coding, ByteView packed, size_t bytes_max);

/// Packs at the fastest level: this runs between two turns of a shard, a mebibyte in about ten
/// milliseconds.
Bytes pack(ContentCoding coding, ByteView bytes);

}  // namespace topgun::host
