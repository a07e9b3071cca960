#pragma once

#include <optional>
#include <string>

#include "core/base/bytes.hpp"
#include "core/base/error.hpp"

namespace topgun::host {

/// The messages of the native protocol as JSON (docs/http.md, JSON): a frame is an array of
/// objects, one a message. Made for people with curl; clients speak frames.

/// The frame as JSON with a line break at its end, or nothing if its framing is broken. A message
/// of a kind that is not known, or whose payload cannot be decoded, is carried as bytes. O(frame),
/// and some ten times longer than the frame at worst.
std::optional<std::string> frame_to_json(ByteView frame);

/// What is filled in where a request leaves it out.
struct JsonDefaults {
  uint64_t now_ms = 0;
  /// The author of a request that names none: new and random for each request, never 0.
  uint64_t replica = 0;
  /// Whether a Hello and an Exchange that are missing at the beginning are filled in.
  bool fills_opening = false;
};

/// A frame, or what is wrong, with words for the person who wrote the JSON.
struct JsonFrame {
  std::optional<Bytes> frame;
  Error error = Error::Malformed;
  std::string problem;
};

/// Reads what `frame_to_json` writes, to the same bytes, and what people write: members with a
/// fallback may be left out. O(text).
JsonFrame json_to_frame(std::string_view text, const JsonDefaults& defaults);

}  // namespace topgun::host
