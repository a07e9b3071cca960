#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/base/bytes.hpp"
#include "core/node/effects.hpp"

namespace topgun::host {

/// One HTTP request. Header names are lower case; repeated headers keep their order.
struct HttpRequest {
  std::string method;
  std::string target;  ///< As sent: path and query, percent-encoded.
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  bool keep_alive = true;
  bool is_http_1_0 = false;  ///< Knows no chunks, and no connection that stays unless it says so.
  bool wants_websocket = false;  ///< A correct upgrade request to version 13 of the protocol.
  bool wants_continue = false;   ///< Holds its body back until it is told to go on.
  /// What the head announces of the body: nothing, a length, or chunks without one.
  bool is_chunked = false;
  std::optional<uint64_t> content_length;

  /// The first header of this (lower case) name; empty if there is none.
  std::string_view header(std::string_view name) const;
  /// The target without its query.
  std::string_view path() const;
  /// The percent-decoded value of a query parameter; nothing if it is missing or badly encoded.
  std::optional<std::string> query(std::string_view name) const;
  /// The same as forms encode it: a plus stands for a space.
  std::optional<std::string> form_query(std::string_view name) const;
};

struct HttpResponse {
  unsigned status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::vector<std::pair<std::string, std::string>> headers;
  node::SharedBytes body;  ///< May be shared between connections; null means empty.
};

HttpResponse text_response(unsigned status, std::string_view text);

/// The standard words for a status code; "Unknown" for those that we never send.
std::string_view http_reason(unsigned status);

/// The head of a response, empty line included. A HEAD request gets the same head and no body.
std::string http_response_head(const HttpResponse& response, bool keep_alive);

/// Undoes %XX; nothing if an escape is broken or hides a NUL.
std::optional<std::string> percent_decode(std::string_view text);

struct HttpLimits {
  uint32_t head_bytes_max = 32 * 1024;
  /// Of a request that has no limit of its own.
  uint32_t body_bytes_max = 64 * 1024;
};

/// Parses one request from a stream of bytes with Boost.Beast's parser, which does no I/O. It stops
/// once between head and body, so that a request can be refused before its body is taken.
class HttpRequestParser {
 public:
  explicit HttpRequestParser(HttpLimits limits);
  ~HttpRequestParser();
  HttpRequestParser(HttpRequestParser&&) noexcept;
  HttpRequestParser& operator=(HttpRequestParser&&) noexcept;

  struct Progress {
    size_t consumed = 0;  ///< Bytes to drop; the rest must be presented again, with more behind it.
    /// The head was completed by this call, and `head` can be read. Nothing of the body was taken.
    bool head_done = false;
    bool complete = false;
    unsigned error_status = 0;  ///< 400, 413, 431 or 501: answer with it and close.
  };
  Progress feed(ByteView input);

  /// Everything but the body, after `head_done`.
  const HttpRequest& head() const;
  bool has_head() const;

  /// Between head and body: what the body may have instead of what `HttpLimits` says. A length that
  /// exceeds it fails the next `feed` with 413.
  void set_body_limit(uint64_t bytes_max);

  /// The request, after `complete`. Ends the parser's life.
  HttpRequest take();

 private:
  struct State;
  HttpLimits limits_;
  std::unique_ptr<State> state_;
};

}  // namespace topgun::host
