// The only file that includes Boost.Beast: it takes seconds to compile.

#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/rfc7230.hpp>
#include <boost/beast/http/string_body.hpp>

#include "host-native/net/http.hpp"

namespace topgun::host {

namespace http = boost::beast::http;

struct HttpRequestParser::State {
  http::request_parser<http::string_body> parser;
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

}  // namespace

HttpRequestParser::HttpRequestParser(HttpLimits limits) : limits_(limits) {}
HttpRequestParser::~HttpRequestParser() = default;
HttpRequestParser::HttpRequestParser(HttpRequestParser&&) noexcept = default;
HttpRequestParser& HttpRequestParser::operator=(HttpRequestParser&&) noexcept = default;

HttpRequestParser::Progress HttpRequestParser::feed(ByteView input) {
  if (!state_) {
    state_ = std::make_unique<State>();
    state_->parser.header_limit(limits_.head_bytes_max);
    state_->parser.body_limit(limits_.body_bytes_max);
    state_->parser.eager(true);
  }
  auto& parser = state_->parser;
  Progress progress;
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
  }
  progress.complete = parser.is_done();
  return progress;
}

HttpRequest HttpRequestParser::take() {
  auto message = state_->parser.release();
  state_.reset();

  HttpRequest request;
  request.method = std::string(message.method_string());
  request.target = std::string(message.target());
  request.keep_alive = message.keep_alive();
  request.wants_websocket = wants_websocket(message);
  for (const auto& field : message.base()) {
    std::string name(field.name_string());
    for (char& c : name) {
      if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    }
    request.headers.emplace_back(std::move(name), std::string(field.value()));
  }
  request.body = std::move(message.body());
  return request;
}

}  // namespace topgun::host
