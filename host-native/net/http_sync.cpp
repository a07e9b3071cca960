#include "host-native/net/http_sync.hpp"

#include <algorithm>

#include "core/sync/messages.hpp"
#include "host-native/auth/base64url.hpp"
#include "host-native/net/event_stream.hpp"

namespace topgun::host {

namespace {

/// Answers below it are not worth packing: heads of packets weigh as much.
constexpr size_t kPackedBytesMin = 1024;
constexpr std::string_view kPreflightSeconds = "86400";
/// Where an error says nothing of when to come again.
constexpr uint64_t kRetryMsDefault = 1000;

constexpr std::string_view kBearer = "bearer ";

std::string lower_case(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

/// A Content-Type without its parameters.
std::string media_type(std::string_view header) {
  std::string type = lower_case(header.substr(0, header.find(';')));
  type.erase(type.find_last_not_of(" \t") + 1);
  return type;
}

bool is_frame_type(std::string_view type) {
  return type == kFrameType || type == "application/octet-stream";
}

/// The JSON of a request to `/sync/events` comes under a name of its own.
bool has_json_query(const HttpRequest& head) {
  return head.target.find("?messages=") != std::string::npos ||
         head.target.find("&messages=") != std::string::npos;
}

std::string_view allowed_methods(std::string_view path) {
  return path == kSyncEventsPath ? "GET, POST, OPTIONS" : "POST, OPTIONS";
}

bool is_method_allowed(const HttpRequest& head) {
  if (head.method == "POST" || head.method == "OPTIONS") return true;
  return head.method == "GET" && head.path() == kSyncEventsPath;
}

/// When the client is to come again, as the last Error message of the answer says.
uint64_t retry_after_ms(ByteView frame) {
  uint64_t retry_ms = 0;
  FrameReader reader(frame);
  while (const auto message = reader.next()) {
    if (message->kind != static_cast<uint8_t>(MessageKind::Error)) continue;
    const Result<ErrorMessage> error = decode_error(message->payload);
    if (error.ok()) retry_ms = error->retry_after_ms;
  }
  return retry_ms == 0 ? kRetryMsDefault : retry_ms;
}

void add_origin_headers(const SyncExchange& exchange, HttpResponse& response) {
  response.headers.emplace_back("Vary", "Origin, Accept-Encoding");
  if (exchange.origin.empty()) return;
  response.headers.emplace_back("Access-Control-Allow-Origin", exchange.origin);
  response.headers.emplace_back("Access-Control-Expose-Headers", "Retry-After");
}

HttpResponse whole_response(const SyncExchange& exchange, unsigned status, Bytes frame) {
  HttpResponse response;
  response.status = status;
  add_origin_headers(exchange, response);
  response.headers.emplace_back("Cache-Control", "no-store");
  if (status == 401) response.headers.emplace_back("WWW-Authenticate", "Bearer");
  if (status == 429 || status == 503) {
    const uint64_t seconds = (retry_after_ms(frame) + 999) / 1000;
    response.headers.emplace_back("Retry-After", std::to_string(seconds));
  }
  response.content_type = exchange.is_json ? kJsonType : kFrameType;
  Bytes body = std::move(frame);
  if (exchange.is_json) body = to_bytes(as_bytes(frame_to_json(body).value_or("[]\n")));
  if (exchange.coding != ContentCoding::Identity && body.size() >= kPackedBytesMin) {
    body = pack(exchange.coding, body);
    response.headers.emplace_back("Content-Encoding", coding_name(exchange.coding));
  }
  response.body = std::make_shared<const Bytes>(std::move(body));
  return response;
}

SyncFrame refused(Error error, std::string detail) {
  return {std::nullopt, {error, std::move(detail), 0}};
}

SyncFrame from_json(std::string_view text, uint64_t frame_bytes_max, const JsonDefaults& defaults) {
  JsonFrame decoded = json_to_frame(text, defaults);
  if (!decoded.frame) return refused(decoded.error, std::move(decoded.problem));
  if (decoded.frame->size() > frame_bytes_max) return refused(Error::TooLarge, {});
  return {std::move(decoded.frame), {}};
}

SyncFrame from_query(const HttpRequest& request, uint64_t frame_bytes_max,
                     const JsonDefaults& defaults) {
  if (const auto text = request.form_query("messages")) {
    return from_json(*text, frame_bytes_max, defaults);
  }
  const auto text = request.query("request");
  if (!text) return refused(Error::InvalidArgument, "query 'request' is missing");
  auto frame = base64url_decode(*text);
  if (!frame) return refused(Error::Malformed, "query 'request' is not base64url");
  if (frame->size() > frame_bytes_max) return refused(Error::TooLarge, {});
  return {std::move(frame), {}};
}

}  // namespace

bool is_sync_path(std::string_view path) { return path == kSyncPath || path == kSyncEventsPath; }

SyncExchange read_sync_head(const HttpRequest& head, bool origin_allowed) {
  SyncExchange exchange;
  exchange.is_stream = head.path() == kSyncEventsPath;
  const std::string_view accept = head.header("accept");
  if (accept.find(kFrameType) == std::string_view::npos) {
    exchange.is_json = media_type(head.header("content-type")) == kJsonType ||
                       accept.find(kJsonType) != std::string_view::npos ||
                       (exchange.is_stream && has_json_query(head));
  }
  exchange.coding = accepted_coding(head.header("accept-encoding"));
  exchange.keep_alive = head.keep_alive;
  exchange.is_chunked = !head.is_http_1_0;
  if (origin_allowed) exchange.origin = head.header("origin");
  return exchange;
}

std::optional<SyncRefusal> check_sync_head(const HttpRequest& head, bool origin_allowed,
                                           uint64_t body_bytes_max) {
  if (!origin_allowed) return SyncRefusal{Error::Forbidden, "origin not allowed", 0};
  if (!is_method_allowed(head)) {
    return SyncRefusal{Error::InvalidArgument,
                       "allowed: " + std::string(allowed_methods(head.path())), 405};
  }
  if (head.method != "POST") return std::nullopt;
  if (!head.content_length && !head.is_chunked) {
    return SyncRefusal{Error::InvalidArgument, "a length is needed", 411};
  }
  const std::string type = media_type(head.header("content-type"));
  if (!is_frame_type(type) && type != kJsonType) {
    return SyncRefusal{Error::InvalidArgument, "send application/x-topgun or application/json",
                       415};
  }
  if (!coding_from(head.header("content-encoding"))) {
    return SyncRefusal{Error::InvalidArgument, "content codings: gzip, br", 415};
  }
  if (head.content_length.value_or(0) > body_bytes_max) return SyncRefusal{Error::TooLarge, {}, 0};
  return std::nullopt;
}

HttpResponse preflight_response(const SyncExchange& exchange) {
  HttpResponse response;
  response.status = 204;
  add_origin_headers(exchange, response);
  response.headers.emplace_back("Allow",
                                allowed_methods(exchange.is_stream ? kSyncEventsPath : kSyncPath));
  if (exchange.origin.empty()) return response;
  response.headers.emplace_back("Access-Control-Allow-Methods", "GET, POST");
  response.headers.emplace_back("Access-Control-Allow-Headers",
                                "authorization, content-type, content-encoding");
  response.headers.emplace_back("Access-Control-Max-Age", kPreflightSeconds);
  return response;
}

SyncFrame read_sync_frame(const HttpRequest& request, uint64_t frame_bytes_max,
                          const JsonDefaults& defaults) {
  if (request.method == "GET") return from_query(request, frame_bytes_max, defaults);
  Bytes unpacked;
  ByteView body = as_bytes(request.body);
  const auto coding = coding_from(request.header("content-encoding"));
  if (coding != ContentCoding::Identity) {
    Result<Bytes> result = unpack(*coding, body, frame_bytes_max);
    if (!result.ok()) return refused(result.error(), "the packed body is refused");
    unpacked = std::move(result).value();
    body = unpacked;
  }
  if (body.empty()) return refused(Error::Truncated, "the body is empty");
  if (media_type(request.header("content-type")) == kJsonType) {
    return from_json(as_text(body), frame_bytes_max, defaults);
  }
  return {coding == ContentCoding::Identity ? to_bytes(body) : std::move(unpacked), {}};
}

std::string_view bearer_token(const HttpRequest& request) {
  std::string_view value = request.header("authorization");
  if (lower_case(value.substr(0, kBearer.size())) != kBearer) return {};
  value.remove_prefix(kBearer.size());
  value.remove_prefix(std::min(value.find_first_not_of(' '), value.size()));
  return value;
}

unsigned http_status_of(Error error) {
  switch (error) {
    case Error::Unauthenticated:
    case Error::TokenInvalid:
    case Error::TokenExpired:
      return 401;
    case Error::Forbidden:
      return 403;
    case Error::ReplicaCloned:
    case Error::TakenOver:
      return 409;
    case Error::TooLarge:
      return 413;
    case Error::RateLimited:
    case Error::LimitExceeded:
      return 429;
    case Error::Closed:
    case Error::NotReady:
    case Error::Overloaded:
    case Error::Draining:
    case Error::TimedOut:
    case Error::ReadOnly:
    case Error::StorageFull:
      return 503;
    default:
      break;
  }
  // Bytes and arguments that cannot be understood, and what is at odds with time or type.
  return static_cast<uint16_t>(error) < 400 ? 400 : 500;
}

HttpResponse sync_response(const SyncExchange& exchange, Bytes frame, std::optional<Error> error) {
  return whole_response(exchange, error ? http_status_of(*error) : 200, std::move(frame));
}

HttpResponse refusal_response(const SyncExchange& exchange, const SyncRefusal& refusal) {
  Bytes frame;
  ErrorMessage message;
  message.error = static_cast<uint16_t>(refusal.error);
  message.fatal = true;
  message.detail =
      as_bytes(refusal.detail).first(std::min(refusal.detail.size(), kErrorDetailBytesMax));
  MessageWriter(frame).error(message);
  const unsigned status = refusal.status != 0 ? refusal.status : http_status_of(refusal.error);
  HttpResponse response = whole_response(exchange, status, std::move(frame));
  if (status == 405) {
    response.headers.emplace_back(
        "Allow", allowed_methods(exchange.is_stream ? kSyncEventsPath : kSyncPath));
  }
  if (status == 415) response.headers.emplace_back("Accept-Encoding", "gzip, br");
  return response;
}

std::string event_stream_head(const SyncExchange& exchange) {
  HttpResponse response;
  add_origin_headers(exchange, response);
  std::string head = "HTTP/1.1 200 OK\r\n";
  for (const auto& [name, value] : response.headers) head += name + ": " + value + "\r\n";
  head += "Content-Type: text/event-stream\r\nCache-Control: no-store\r\n";
  // Proxies that gather answers would gather events.
  head += "X-Content-Type-Options: nosniff\r\nX-Accel-Buffering: no\r\n";
  head += exchange.is_chunked ? "Transfer-Encoding: chunked\r\n" : "";
  head += exchange.is_chunked && exchange.keep_alive ? "Connection: keep-alive\r\n\r\n"
                                                     : "Connection: close\r\n\r\n";
  return head;
}

Bytes stream_event(const SyncExchange& exchange, std::string_view name, ByteView frame) {
  const Bytes event = exchange.is_json ? text_event(name, frame_to_json(frame).value_or("[]"))
                                       : binary_event(name, frame);
  return exchange.is_chunked ? as_chunk(event) : event;
}

}  // namespace topgun::host
