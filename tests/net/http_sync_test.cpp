#include "host-native/net/http_sync.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "core/sync/messages.hpp"
#include "host-native/auth/base64url.hpp"

namespace topgun::host {
namespace {

constexpr uint64_t kBytesMax = 1000;
constexpr JsonDefaults kDefaults{.now_ms = 1, .replica = 2, .fills_opening = true};

HttpRequest request(std::string method, std::string target,
                    std::vector<std::pair<std::string, std::string>> headers = {},
                    std::string body = {}) {
  HttpRequest request;
  request.method = std::move(method);
  request.target = std::move(target);
  request.headers = std::move(headers);
  request.body = std::move(body);
  request.content_length = request.body.size();
  return request;
}

HttpRequest post(std::string type, std::string body = "x", std::string coding = {}) {
  return request("POST", "/sync", {{"content-type", type}, {"content-encoding", coding}},
                 std::move(body));
}

std::string header_of(const HttpResponse& response, std::string_view name) {
  for (const auto& [key, value] : response.headers) {
    if (key == name) return value;
  }
  return {};
}

/// The one Error message that a body consists of.
ErrorMessage error_in(const HttpResponse& response) {
  FrameReader reader(*response.body);
  const auto message = reader.next();
  REQUIRE(message.has_value());
  REQUIRE(message->kind == static_cast<uint8_t>(MessageKind::Error));
  CHECK_FALSE(reader.next().has_value());
  return decode_error(message->payload).value();
}

TEST_CASE("http sync: the head decides what may come") {
  HttpRequest chunked = post("application/x-topgun");
  chunked.content_length.reset();
  HttpRequest without_length = chunked;
  chunked.is_chunked = true;
  const std::string long_body(kBytesMax + 1, 'x');
  struct Case {
    const char* name;
    HttpRequest request;
    unsigned status;
  };
  const Case cases[] = {
      {"frame", post("application/x-topgun"), 200},
      {"bytes", post("application/octet-stream"), 200},
      {"json with a parameter", post("Application/JSON; charset=utf-8"), 200},
      {"packed", post("application/x-topgun", "x", "gzip"), 200},
      {"chunks", chunked, 200},
      {"preflight", request("OPTIONS", "/sync"), 200},
      {"stream", request("GET", "/sync/events?request=x"), 200},
      {"stream of a long request",
       request("POST", "/sync/events", {{"content-type", "application/x-topgun"}}, "x"), 200},
      {"wrong method", request("GET", "/sync"), 405},
      {"wrong method of a stream", request("PUT", "/sync/events"), 405},
      {"no length", without_length, 411},
      {"no type", request("POST", "/sync", {}, "x"), 415},
      {"form", post("application/x-www-form-urlencoded"), 415},
      {"text, which needs no preflight", post("text/plain"), 415},
      {"two codings", post("application/x-topgun", "x", "gzip, gzip"), 415},
      {"too long", post("application/x-topgun", long_body), 413},
  };
  for (const Case& c : cases) {
    CAPTURE(c.name);
    const auto refusal = check_sync_head(c.request, /*origin_allowed=*/true, kBytesMax);
    const SyncExchange exchange = read_sync_head(c.request, /*origin_allowed=*/true);
    CHECK((refusal ? refusal_response(exchange, *refusal).status : 200) == c.status);
    const auto foreign = check_sync_head(c.request, /*origin_allowed=*/false, kBytesMax);
    REQUIRE(foreign.has_value());
    CHECK(refusal_response(exchange, *foreign).status == 403);
  }
}

TEST_CASE("http sync: each error has the status that HTTP has for it") {
  struct Case {
    Error error;
    unsigned status;
  };
  const Case cases[] = {
      {Error::Truncated, 400},      {Error::Malformed, 400},       {Error::TooDeep, 400},
      {Error::TooLarge, 413},       {Error::InvalidUtf8, 400},     {Error::UnsupportedVersion, 400},
      {Error::UnknownMessage, 400}, {Error::InvalidArgument, 400}, {Error::Unauthenticated, 401},
      {Error::TokenInvalid, 401},   {Error::TokenExpired, 401},    {Error::Forbidden, 403},
      {Error::RateLimited, 429},    {Error::LimitExceeded, 429},   {Error::ClockDrift, 400},
      {Error::BehindHorizon, 400},  {Error::ReplicaCloned, 409},   {Error::TypeMismatch, 400},
      {Error::CursorUnknown, 400},  {Error::TakenOver, 409},       {Error::Closed, 503},
      {Error::NotReady, 503},       {Error::Overloaded, 503},      {Error::Draining, 503},
      {Error::TimedOut, 503},       {Error::ReadOnly, 503},        {Error::StorageFull, 503},
      {Error::StorageIo, 500},      {Error::StorageCorrupt, 500},  {Error::Internal, 500},
      {Error::OutOfMemory, 500},
  };
  for (const Case& c : cases) {
    CAPTURE(error_name(c.error));
    Bytes frame;
    MessageWriter(frame).error(
        {.error = static_cast<uint16_t>(c.error), .fatal = true, .retry_after_ms = 2500});
    const HttpResponse response = sync_response({}, frame, c.error);
    CHECK(response.status == c.status);
    CHECK(http_reason(c.status) != "Unknown");
    CHECK(header_of(response, "WWW-Authenticate") == (c.status == 401 ? "Bearer" : ""));
    const bool may_come_again = c.status == 429 || c.status == 503;
    CHECK(header_of(response, "Retry-After") == (may_come_again ? "3" : ""));
    CHECK(error_in(response).error == static_cast<uint16_t>(c.error));
  }
}

TEST_CASE("http sync: a refusal is an Error message in the form that was asked for") {
  const HttpResponse frame = refusal_response({}, {Error::Forbidden, "no", 0});
  CHECK(frame.content_type == "application/x-topgun");
  CHECK(header_of(frame, "Cache-Control") == "no-store");
  const ErrorMessage message = error_in(frame);
  CHECK(message.fatal);
  CHECK(as_text(message.detail) == "no");

  SyncExchange exchange;
  exchange.is_json = true;
  const HttpResponse json = refusal_response(exchange, {Error::Forbidden, "no", 0});
  CHECK(json.content_type == "application/json");
  CHECK(as_text(*json.body) ==
        "[{\"message\":\"error\",\"error\":203,\"name\":\"forbidden\",\"detail\":\"no\","
        "\"fatal\":true,\"retry_after_ms\":0}]\n");
}

TEST_CASE("http sync: the answer has the form of the request, unless another is asked for") {
  struct Case {
    const char* type;
    const char* accept;
    bool is_json;
  };
  const Case cases[] = {
      {"application/x-topgun", "", false},
      {"application/x-topgun", "*/*", false},
      {"application/x-topgun", "application/json", true},
      {"application/json", "", true},
      {"application/json", "*/*", true},
      {"application/json", "application/x-topgun", false},
  };
  for (const Case& c : cases) {
    CAPTURE(c.type);
    CAPTURE(c.accept);
    const HttpRequest head =
        request("POST", "/sync", {{"content-type", c.type}, {"accept", c.accept}});
    CHECK(read_sync_head(head, true).is_json == c.is_json);
  }
  CHECK(read_sync_head(request("GET", "/sync/events?messages=%5B%5D"), true).is_json);
  CHECK_FALSE(read_sync_head(request("GET", "/sync/events?request=x"), true).is_json);
}

TEST_CASE("http sync: only pages that may read the answer are told so") {
  const HttpRequest head = request("OPTIONS", "/sync", {{"origin", "https://app.example"}});
  const HttpResponse allowed = preflight_response(read_sync_head(head, true));
  CHECK(allowed.status == 204);
  CHECK(header_of(allowed, "Access-Control-Allow-Origin") == "https://app.example");
  CHECK(header_of(allowed, "Access-Control-Allow-Methods") == "GET, POST");
  CHECK(header_of(allowed, "Access-Control-Allow-Headers") ==
        "authorization, content-type, content-encoding");
  CHECK(header_of(allowed, "Access-Control-Max-Age") == "86400");
  CHECK(header_of(allowed, "Vary").starts_with("Origin"));
  const HttpResponse foreign = refusal_response(read_sync_head(head, false), {});
  CHECK(header_of(foreign, "Access-Control-Allow-Origin").empty());
  CHECK(header_of(foreign, "Vary").starts_with("Origin"));
}

TEST_CASE("http sync: a frame is read out of a body, packed or not, and out of a query") {
  const std::string frame = "some frame";
  const auto text_of = [](const SyncFrame& read) {
    REQUIRE_MESSAGE(read.frame.has_value(), read.refusal.detail);
    return std::string(as_text(*read.frame));
  };
  CHECK(text_of(read_sync_frame(post("application/x-topgun", frame), kBytesMax, kDefaults)) ==
        frame);
  for (const ContentCoding coding : {ContentCoding::Gzip, ContentCoding::Brotli}) {
    const std::string packed(as_text(pack(coding, as_bytes(frame))));
    const HttpRequest body = post("application/x-topgun", packed, std::string(coding_name(coding)));
    CHECK(text_of(read_sync_frame(body, kBytesMax, kDefaults)) == frame);
  }
  const std::string target = "/sync/events?request=" + base64url_encode(as_bytes(frame));
  CHECK(text_of(read_sync_frame(request("GET", target), kBytesMax, kDefaults)) == frame);
  CHECK(
      read_sync_frame(request("GET", "/sync/events?messages=%5B+%5D"), kBytesMax, kDefaults).frame);
}

TEST_CASE("http sync: a body without a frame is refused") {
  const std::string bomb(as_text(pack(ContentCoding::Gzip, Bytes(1 << 20, 'x'))));
  const std::string long_json = "[" + std::string(kBytesMax, ' ') + "{\"message\":\"ping\"}]";
  struct Case {
    const char* name;
    HttpRequest request;
    Error error;
  };
  const Case cases[] = {
      {"empty", post("application/x-topgun", ""), Error::Truncated},
      {"not gzip", post("application/x-topgun", "x", "gzip"), Error::Truncated},
      {"damaged gzip", post("application/x-topgun", "\x1f\x8b\xff\xff\xff\xff", "gzip"),
       Error::Malformed},
      {"unpacks to too much", post("application/x-topgun", bomb, "gzip"), Error::TooLarge},
      {"bad json", post("application/json", "{"), Error::Malformed},
      {"no such message", post("application/json", R"([{"message":"x"}])"), Error::UnknownMessage},
      {"no query", request("GET", "/sync/events"), Error::InvalidArgument},
      {"bad query", request("GET", "/sync/events?request=!"), Error::Malformed},
  };
  for (const Case& c : cases) {
    CAPTURE(c.name);
    const SyncFrame read = read_sync_frame(c.request, kBytesMax, kDefaults);
    REQUIRE_FALSE(read.frame.has_value());
    CHECK(read.refusal.error == c.error);
  }
}

TEST_CASE("http sync: the token comes in its header and nowhere else") {
  const auto token = [](std::string header) {
    return std::string(bearer_token(request("POST", "/sync?token=secret&access_token=secret",
                                            {{"authorization", std::move(header)}})));
  };
  CHECK(token("Bearer abc.def") == "abc.def");
  CHECK(token("bearer   abc") == "abc");
  CHECK(token("Bearer ").empty());
  CHECK(token("Basic abc").empty());
  CHECK(token("").empty());
}

TEST_CASE("http sync: long answers are packed for those who can unpack them") {
  SyncExchange exchange;
  exchange.coding = ContentCoding::Gzip;
  const HttpResponse small = sync_response(exchange, Bytes(1000, 'x'), std::nullopt);
  CHECK(header_of(small, "Content-Encoding").empty());
  const Bytes frame(5000, 'x');
  const HttpResponse packed = sync_response(exchange, frame, std::nullopt);
  CHECK(header_of(packed, "Content-Encoding") == "gzip");
  CHECK(packed.body->size() < 200);
  CHECK(unpack(ContentCoding::Gzip, *packed.body, 5000).value() == frame);
  exchange.coding = ContentCoding::Identity;
  CHECK(*sync_response(exchange, frame, std::nullopt).body == frame);
}

TEST_CASE("http sync: a stream comes in chunks, or to the end of the connection") {
  SyncExchange exchange;
  exchange.is_stream = true;
  exchange.is_chunked = true;
  exchange.keep_alive = true;
  std::string head = event_stream_head(exchange);
  CHECK(head.find("Content-Type: text/event-stream\r\n") != std::string::npos);
  CHECK(head.find("Transfer-Encoding: chunked\r\n") != std::string::npos);
  CHECK(as_text(stream_event(exchange, "end", as_bytes("foo"))) ==
        "17\r\nevent: end\ndata: Zm9v\n\n\r\n");
  exchange.is_chunked = false;
  head = event_stream_head(exchange);
  CHECK(head.find("chunked") == std::string::npos);
  CHECK(head.find("Connection: close\r\n") != std::string::npos);
  CHECK(as_text(stream_event(exchange, {}, as_bytes("foo"))) == "data: Zm9v\n\n");
}

}  // namespace
}  // namespace topgun::host
