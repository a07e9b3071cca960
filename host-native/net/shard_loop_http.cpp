#include <chrono>

#include "core/base/mix.hpp"
#include "core/sync/messages.hpp"
#include "host-native/net/event_stream.hpp"
#include "host-native/net/shard_loop.hpp"

namespace topgun::host {

namespace {

constexpr std::string_view kWebSocketPath = "/ws";
constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
/// A peer that has ended its side mostly is gone, but some say all they have to say and listen on.
constexpr uint64_t kHalfClosedMs = 1000;

uint64_t monotonic_us() {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  return static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(now).count());
}

node::SharedBytes share(std::string_view text) {
  return std::make_shared<const Bytes>(to_bytes(as_bytes(text)));
}

node::SharedBytes share(Bytes bytes) { return std::make_shared<const Bytes>(std::move(bytes)); }

Bytes join(std::vector<node::SharedBytes>& frames) {
  Bytes joined;
  size_t size = 0;
  for (const node::SharedBytes& frame : frames) size += frame->size();
  joined.reserve(size);
  for (const node::SharedBytes& frame : frames) {
    joined.insert(joined.end(), frame->begin(), frame->end());
  }
  return joined;
}

SyncRefusal refusal_of(unsigned status) {
  switch (status) {
    case 408:
      return {Error::TimedOut, "the request came too slowly", status};
    case 413:
      return {Error::TooLarge, {}, status};
    default:
      return {Error::Malformed, std::string(http_reason(status)), status};
  }
}

}  // namespace

// --- requests ---

size_t ShardLoop::consume_http(Connection& connection, std::span<uint8_t> bytes) {
  size_t consumed = 0;
  while (connection.phase == Connection::Phase::Http && !connection.awaiting_answer &&
         consumed < bytes.size()) {
    if (!connection.http) {
      connection.http = std::make_unique<HttpRequestParser>(options_.net.http);
      connection.request_kind = RequestKind::Other;
      connection.request_began_us = monotonic_us();
      set_deadline(connection, options_.net.request_timeout_ms);
    }
    const auto progress = connection.http->feed(bytes.subspan(consumed));
    consumed += progress.consumed;
    if (progress.error_status != 0) {
      refuse_request(connection, progress.error_status);
      return bytes.size();
    }
    if (progress.head_done) {
      ++counters_[LoopStats::HttpRequests];
      const HttpRequest& head = connection.http->head();
      connection.request_kind = request_kind_of(head.path());
      if (options_.logger->writes(LogLevel::Debug)) {
        // Without the query, which may hold what is nobody's business.
        connection.request_line =
            std::make_unique<std::string>(head.method + " " + std::string(head.path()));
      }
      if (!admit_head(connection, progress.complete)) continue;
    }
    if (progress.complete) {
      const HttpRequest request = connection.http->take();
      connection.http.reset();
      serve(connection, request);
    } else if (!progress.head_done) {
      break;
    }
  }
  return connection.phase == Connection::Phase::Closing ? bytes.size() : consumed;
}

/// Whether the body of this request is wanted. If not it was answered; what was to come of it is
/// thrown away with the connection.
bool ShardLoop::admit_head(Connection& connection, bool is_complete) {
  const HttpRequest& head = connection.http->head();
  uint64_t body_bytes_max = options_.net.http.body_bytes_max;
  if (is_sync_path(head.path())) {
    body_bytes_max = options_.shard.limits.frame_bytes_max;
    const bool origin_allowed = options_.http->admits_origin(head);
    if (const auto refusal = check_sync_head(head, origin_allowed, body_bytes_max)) {
      const HttpResponse response =
          refusal_response(read_sync_head(head, origin_allowed), *refusal);
      // Without a length nobody knows where the next request begins.
      const bool is_at_end = is_complete && (head.method != "POST" || head.content_length);
      const bool keep_alive = head.keep_alive && is_at_end && drain_stage_ == DrainStage::None;
      const bool is_head = head.method == "HEAD";
      connection.http.reset();
      respond(connection, response, keep_alive, is_head);
      return false;
    }
  }
  if (is_complete) return true;
  if (head.content_length.value_or(0) > body_bytes_max) {
    refuse_request(connection, 413);
    return false;
  }
  connection.http->set_body_limit(body_bytes_max);
  if (head.wants_continue) send_raw(connection, share(kContinue));
  return true;
}

/// Answers a request that cannot be read to its end.
void ShardLoop::refuse_request(Connection& connection, unsigned status) {
  HttpResponse response = text_response(status, http_reason(status));
  if (connection.http->has_head() && is_sync_path(connection.http->head().path())) {
    const HttpRequest& head = connection.http->head();
    const bool origin_allowed = options_.http->admits_origin(head);
    response = refusal_response(read_sync_head(head, origin_allowed), refusal_of(status));
  }
  connection.http.reset();
  respond(connection, response, /*keep_alive=*/false, /*head=*/false);
}

void ShardLoop::serve(Connection& connection, const HttpRequest& request) {
  if (request.path() == kWebSocketPath) return upgrade(connection, request);
  if (is_sync_path(request.path())) return serve_sync(connection, request);
  const HttpOrigin origin{this, connection.id, connection.loopback};
  connection.awaiting_answer = true;
  const std::optional<HttpResponse> response = options_.http->handle(request, origin);
  if (!response.has_value()) {
    set_deadline(connection, 0);
    return update_interest(connection);
  }
  connection.awaiting_answer = false;
  respond(connection, *response, request.keep_alive && drain_stage_ == DrainStage::None,
          request.method == "HEAD");
}

void ShardLoop::upgrade(Connection& connection, const HttpRequest& request) {
  unsigned status = 426;
  if (request.wants_websocket) status = options_.http->admits_origin(request) ? 101 : 403;
  if (drain_stage_ != DrainStage::None) status = 503;
  if (status != 101) {
    HttpResponse refusal = text_response(status, http_reason(status));
    if (status == 426) {
      refusal.headers = {{"Upgrade", "websocket"}, {"Sec-WebSocket-Version", "13"}};
    }
    return respond(connection, refusal, /*keep_alive=*/false, /*head=*/false);
  }
  HttpResponse switching;
  switching.status = 101;
  switching.headers = {
      {"Upgrade", "websocket"},
      {"Connection", "Upgrade"},
      {"Sec-WebSocket-Accept", websocket_accept(request.header("sec-websocket-key"))}};
  send_raw(connection, share(http_response_head(switching, /*keep_alive=*/true)));
  request_answered(connection, switching.status);
  connection.phase = Connection::Phase::WebSocket;
  connection.in_session = true;
  set_deadline(connection, 0);
  shard_.connected(connection.id, now_);
}

void ShardLoop::respond(Connection& connection, const HttpResponse& response, bool keep_alive,
                        bool head) {
  send_raw(connection, share(http_response_head(response, keep_alive)));
  const bool has_body = !head && response.status != 204 && response.status != 304;
  if (has_body && response.body != nullptr && !response.body->empty()) {
    send_raw(connection, response.body);
  }
  request_answered(connection, response.status);
  if (!keep_alive) return start_closing(connection);
  set_deadline(connection, options_.net.http_idle_timeout_ms);
}

void ShardLoop::request_answered(Connection& connection, unsigned status) {
  const uint64_t took_us = monotonic_us() - connection.request_began_us;
  request_times_.record(connection.request_kind, took_us);
  if (!connection.request_line) return;
  options_.logger->debug("request", {{"request", std::string_view(*connection.request_line)},
                                     {"status", uint64_t{status}},
                                     {"took_us", took_us}});
  connection.request_line.reset();
}

/// What came behind a request that was answered later than at once.
void ShardLoop::take_waiting_input(Connection& connection) {
  if (connection.phase != Connection::Phase::Http || connection.input.empty()) return;
  Bytes waiting = std::exchange(connection.input, Bytes());
  take_input(connection, waiting);
  more_work_ = true;
}

// --- exchanges ---

void ShardLoop::serve_sync(Connection& connection, const HttpRequest& request) {
  const SyncExchange http = read_sync_head(request, /*origin_allowed=*/true);
  const bool keep_alive = http.keep_alive && drain_stage_ == DrainStage::None;
  if (request.method == "OPTIONS") {
    return respond(connection, preflight_response(http), keep_alive, /*head=*/false);
  }
  const JsonDefaults defaults{
      .now_ms = now_.wall_ms,
      .replica =
          mix64(options_.shard.incarnation ^ mix64(options_.shard.shard) ^ ++anonymous_replicas_) |
          1,
      .fills_opening = true};
  const SyncFrame read = read_sync_frame(request, options_.shard.limits.frame_bytes_max, defaults);
  if (!read.frame) {
    return respond(connection, refusal_response(http, read.refusal), keep_alive, /*head=*/false);
  }
  connection.exchange = std::make_unique<PendingExchange>();
  connection.exchange->http = http;
  connection.awaiting_answer = true;
  connection.in_session = true;
  // The shard sees to it that an answer comes in time.
  set_deadline(connection, http.is_stream ? options_.net.heartbeat_ms : 0);
  shard_.exchange(connection.id, *read.frame,
                  {.token = as_bytes(bearer_token(request)), .is_stream = http.is_stream}, now_);
}

void ShardLoop::take_exchange_frame(Connection& connection, node::SharedBytes frame) {
  PendingExchange& exchange = *connection.exchange;
  if (exchange.http.is_stream && exchange.frames.empty()) with_events_.push_back(connection.id);
  exchange.frames.push_back(std::move(frame));
}

/// After the answers: a stream that is refused in its first turn has a status of its own.
void ShardLoop::send_events() {
  for (const node::ConnectionId id : with_events_) {
    Connection* connection = find(id);
    if (connection == nullptr || !connection->exchange) continue;
    for (const node::SharedBytes& frame : std::exchange(connection->exchange->frames, {})) {
      send_event(*connection, *frame);
    }
  }
  with_events_.clear();
}

void ShardLoop::send_event(Connection& connection, ByteView frame) {
  PendingExchange& exchange = *connection.exchange;
  if (exchange.stream_bytes == 0) {
    node::SharedBytes head = share(event_stream_head(exchange.http));
    exchange.stream_bytes += head->size();
    send_raw(connection, std::move(head));
  }
  node::SharedBytes event = share(stream_event(exchange.http, {}, frame));
  exchange.stream_bytes += event->size();
  exchange.unsent.push_back({exchange.stream_bytes, frame.size()});
  send_raw(connection, std::move(event));
  set_deadline(connection, options_.net.heartbeat_ms);
}

void ShardLoop::send_heartbeat(Connection& connection) {
  PendingExchange& exchange = *connection.exchange;
  set_deadline(connection, options_.net.heartbeat_ms);
  if (exchange.stream_bytes == 0) return;
  Bytes comment = heartbeat_event();
  if (exchange.http.is_chunked) comment = as_chunk(comment);
  exchange.stream_bytes += comment.size();
  send_raw(connection, share(std::move(comment)));
}

void ShardLoop::finish_exchange(Connection& connection, std::optional<Error> error) {
  PendingExchange& exchange = *connection.exchange;
  const bool may_stay = drain_stage_ == DrainStage::None && !connection.half_closed;
  connection.in_session = false;
  connection.awaiting_answer = false;
  connection.input_paused = false;
  if (exchange.http.is_stream && (exchange.stream_bytes != 0 || !error)) {
    end_stream(connection, error);
  } else {
    const HttpResponse response = sync_response(exchange.http, join(exchange.frames), error);
    respond(connection, response, exchange.http.keep_alive && may_stay, /*head=*/false);
  }
  connection.exchange.reset();
  connection.half_closed = false;
  take_waiting_input(connection);
}

/// The last event has a name of its own and tells why it is the last.
void ShardLoop::end_stream(Connection& connection, std::optional<Error> error) {
  PendingExchange& exchange = *connection.exchange;
  for (const node::SharedBytes& frame : exchange.frames) send_event(connection, *frame);
  Bytes frame;
  if (error) MessageWriter(frame).error({.error = static_cast<uint16_t>(*error), .fatal = true});
  send_raw(connection, share(stream_event(exchange.http, "end", frame)));
  if (exchange.http.is_chunked) send_raw(connection, share(kLastChunk));
  request_answered(connection, 200);
  const bool keep_alive = exchange.http.is_chunked && exchange.http.keep_alive &&
                          drain_stage_ == DrainStage::None && !connection.half_closed;
  if (!keep_alive) return start_closing(connection);
  set_deadline(connection, options_.net.http_idle_timeout_ms);
}

/// Tells the shard which frames of a stream have left: it pushes no more than the peer takes.
void ShardLoop::report_sent(Connection& connection) {
  if (!connection.exchange || connection.exchange->unsent.empty()) return;
  PendingExchange& exchange = *connection.exchange;
  const uint64_t waiting = connection.output ? connection.output->bytes() : 0;
  const uint64_t left = exchange.stream_bytes - std::min(waiting, exchange.stream_bytes);
  uint64_t frame_bytes = 0;
  while (!exchange.unsent.empty() && exchange.unsent.front().end <= left) {
    frame_bytes += exchange.unsent.front().frame_bytes;
    exchange.unsent.pop_front();
  }
  if (frame_bytes == 0) return;
  shard_.sent(connection.id, frame_bytes, now_);
  more_work_ = true;
}

/// Nobody may be left to hear the answer: a stream ends at once, an answer gets a moment more.
void ShardLoop::on_half_closed(Connection& connection) {
  if (connection.exchange->http.is_stream) return destroy(connection);
  connection.half_closed = true;
  set_deadline(connection, kHalfClosedMs);
  update_interest(connection);
}

}  // namespace topgun::host
