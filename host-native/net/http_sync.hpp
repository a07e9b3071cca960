#pragma once

#include <optional>
#include <string>

#include "core/base/error.hpp"
#include "host-native/json/message_json.hpp"
#include "host-native/net/content_coding.hpp"
#include "host-native/net/http.hpp"

namespace topgun::host {

/// `/sync` and `/sync/events` as HTTP (docs/http.md), without I/O: which requests are taken, the
/// frame in them, and what an answer looks like. What frames mean is the core's business.

inline constexpr std::string_view kSyncPath = "/sync";
inline constexpr std::string_view kSyncEventsPath = "/sync/events";
inline constexpr std::string_view kFrameType = "application/x-topgun";
inline constexpr std::string_view kJsonType = "application/json";

bool is_sync_path(std::string_view path);

/// What the answer to a request depends on; read from its head.
struct SyncExchange {
  bool is_stream = false;
  bool is_json = false;  ///< The answer is JSON; otherwise a frame.
  ContentCoding coding = ContentCoding::Identity;
  bool keep_alive = false;
  bool is_chunked = false;  ///< A stream comes in chunks; otherwise the connection's end ends it.
  /// The origin that asked and may read the answer; empty if none did.
  std::string origin;
};

/// `origin_allowed` is the judgement on the request's Origin.
SyncExchange read_sync_head(const HttpRequest& head, bool origin_allowed);

/// An error that is found here, before the core sees the request.
struct SyncRefusal {
  Error error = Error::Malformed;
  std::string detail;
  unsigned status = 0;  ///< 0: the one of the error.
};

/// What the head alone rules out: origin, method, content type and coding, length. Nothing: the
/// body may come.
std::optional<SyncRefusal> check_sync_head(const HttpRequest& head, bool origin_allowed,
                                           uint64_t body_bytes_max);

/// The answer to OPTIONS: what a browser asks before the request of a page of another origin.
HttpResponse preflight_response(const SyncExchange& exchange);

/// The request frame, or why there is none.
struct SyncFrame {
  std::optional<Bytes> frame;
  SyncRefusal refusal;
};

/// Reads the frame out of a body, or out of the query of `/sync/events`: undoes the content coding
/// and turns JSON into a frame. The frame has at most `frame_bytes_max` bytes.
SyncFrame read_sync_frame(const HttpRequest& request, uint64_t frame_bytes_max,
                          const JsonDefaults& defaults);

/// The token of `Authorization: Bearer`; empty if there is none. Borrows from the request.
std::string_view bearer_token(const HttpRequest& request);

/// The status that says to HTTP what `error` says to the client.
unsigned http_status_of(Error error);

/// A whole answer: the frames that the core sent, one after the other, and the error if it refused
/// the request.
HttpResponse sync_response(const SyncExchange& exchange, Bytes frame, std::optional<Error> error);

/// The answer to what was refused here: one Error message, fatal, in the form that was asked for.
HttpResponse refusal_response(const SyncExchange& exchange, const SyncRefusal& refusal);

/// The head of a stream of events.
std::string event_stream_head(const SyncExchange& exchange);

/// One frame as an event, or the last one if it has a name; as a chunk if the stream has chunks.
Bytes stream_event(const SyncExchange& exchange, std::string_view name, ByteView frame);

}  // namespace topgun::host
