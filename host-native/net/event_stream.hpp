#pragma once

#include <string_view>

#include "core/base/bytes.hpp"

namespace topgun::host {

/// Server-Sent Events (HTML Living Standard, 9.2) as `GET /sync/events` writes them: the text of
/// one event at a time, to be sent as it is or as a chunk.

/// `event: <name>` (left out if empty), then `data: <base64 of bytes>`. Base64 with padding, as
/// `atob` reads it.
Bytes binary_event(std::string_view name, ByteView bytes);

/// The same with text, a `data` for each of its lines.
Bytes text_event(std::string_view name, std::string_view text);

/// A comment, which readers skip: shows both ends and whatever lies between that somebody is there.
Bytes heartbeat_event();

/// The event as a chunk of a body in `Transfer-Encoding: chunked`.
Bytes as_chunk(ByteView event);

/// Ends a chunked body.
inline constexpr std::string_view kLastChunk = "0\r\n\r\n";

}  // namespace topgun::host
