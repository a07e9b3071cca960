// The only file that includes Boost.Beast: it takes seconds to compile.

#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/rfc7230.hpp>
#include <boost/beast/http/string_body.hpp>

#include "host-native/net/http.hpp"

namespace topgun::host {

namespace http = boost::beast::http;

struct HttpRequestParser::State {
  http::request_parser<http::string_body> parser;
  HttpRequest request;
  uint64_t body_bytes_max = 0;
  bool has_head = false;
};

namespace {

unsigned status_of(const boost::system::error_code& error) {
  if (error == http::error::header_limit) return 431;
  if (error == http::error::body_limit) return 413;
  return 400;
}

bool wants_websocket(const http::request<http::string_body>& message) {
  const auto& fields = message.base();
  return message.method() == http::verb::get && message.version() == 11 &&
         http::token_list{fields[http::field::connection]}.exists("upgrade") &&
         http::token_list{fields[http::field::upgrade]}.exists("websocket") &&
         fields[http::field::sec_websocket_version] == "13" &&
         fields.count(http::field::sec_websocket_key) == 1 &&
         // Sixteen bytes in base64 (RFC 6455 §4.1).
         fields[http::field::sec_websocket_key].size() == 24;
}

HttpRequest head_of(const http::request_parser<http::string_body>& parser) {
  const auto& message = parser.get();
  HttpRequest request;
  request.method = std::string(message.method_string());
  request.target = std::string(message.target());
  request.keep_alive = message.keep_alive();
  request.is_http_1_0 = message.version() < 11;
  request.wants_websocket = wants_websocket(message);
  request.wants_continue = !request.is_http_1_0 && message[http::field::expect] == "100-continue";
  request.is_chunked = parser.chunked();
  if (const auto length = parser.content_length()) request.content_length = *length;
  for (const auto& field : message.base()) {
    std::string name(field.name_string());
    for (char& c : name) {
      if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    }
    request.headers.emplace_back(std::move(name), std::string(field.value()));
  }
  return request;
}

}  // namespace

HttpRequestParser::HttpRequestParser(HttpLimits limits)
    : limits_(limits), state_(std::make_unique<State>()) {
  state_->parser.header_limit(limits_.head_bytes_max);
  // Held against the length by `feed`, once it is known whose body it is.
  state_->parser.body_limit(boost::none);
  state_->body_bytes_max = limits_.body_bytes_max;
}
HttpRequestParser::~HttpRequestParser() = default;
HttpRequestParser::HttpRequestParser(HttpRequestParser&&) noexcept = default;
HttpRequestParser& HttpRequestParser::operator=(HttpRequestParser&&) noexcept = default;

HttpRequestParser::Progress HttpRequestParser::feed(ByteView input) {
  auto& parser = state_->parser;
  Progress progress;
  if (state_->has_head && !parser.eager()) {
    if (state_->request.content_length.value_or(0) > state_->body_bytes_max) {
      progress.error_status = 413;
      return progress;
    }
    parser.body_limit(state_->body_bytes_max);
    parser.eager(true);
  }
  while (!parser.is_done()) {
    const auto rest = input.subspan(progress.consumed);
    if (rest.empty()) break;
    boost::system::error_code error;
    progress.consumed += parser.put(boost::asio::buffer(rest.data(), rest.size()), error);
    if (error == http::error::need_more) break;
    if (error) {
      progress.error_status = status_of(error);
      return progress;
    }
    if (!state_->has_head && parser.is_header_done()) {
      state_->has_head = true;
      state_->request = head_of(parser);
      progress.head_done = true;
      break;
    }
  }
  progress.complete = parser.is_done();
  return progress;
}

const HttpRequest& HttpRequestParser::head() const { return state_->request; }
bool HttpRequestParser::has_head() const { return state_->has_head; }
void HttpRequestParser::set_body_limit(uint64_t bytes_max) { state_->body_bytes_max = bytes_max; }

HttpRequest HttpRequestParser::take() {
  HttpRequest request = std::move(state_->request);
  request.body = std::move(state_->parser.get().body());
  return request;
}

}  // namespace topgun::host
