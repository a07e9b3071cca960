#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/base/bytes.hpp"
#include "core/node/effects.hpp"

namespace topgun::host {

/// One HTTP/1.1 request. Header names are lower case; repeated headers keep their order.
struct HttpRequest {
  std::string method;
  std::string target;  ///< As sent: path and query, percent-encoded.
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  bool keep_alive = true;
  bool wants_websocket = false;  ///< A correct upgrade request to version 13 of the protocol.

  /// The first header of this (lower case) name; empty if there is none.
  std::string_view header(std::string_view name) const;
  /// The target without its query.
  std::string_view path() const;
  /// The percent-decoded value of a query parameter; nothing if it is missing or badly encoded.
  std::optional<std::string> query(std::string_view name) const;
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
  uint32_t head_bytes_max = 8 * 1024;
  uint32_t body_bytes_max = 64 * 1024;
};

/// Parses one request at a time from a stream of bytes with Boost.Beast's parser, which does no
/// I/O.
class HttpRequestParser {
 public:
  explicit HttpRequestParser(HttpLimits limits);
  ~HttpRequestParser();
  HttpRequestParser(HttpRequestParser&&) noexcept;
  HttpRequestParser& operator=(HttpRequestParser&&) noexcept;

  struct Progress {
    size_t consumed = 0;  ///< Bytes to drop; the rest must be presented again, with more behind it.
    bool complete = false;
    unsigned error_status = 0;  ///< 400, 413, 431 or 501: answer with it and close.
  };
  Progress feed(ByteView input);

  /// The request, after `complete`; the parser is then ready for the next one.
  HttpRequest take();

 private:
  struct State;
  HttpLimits limits_;
  std::unique_ptr<State> state_;
};

}  // namespace topgun::host
