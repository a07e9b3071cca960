#include "tests/bench/load/http_transport.hpp"

#include <charconv>

namespace topgun::bench {

namespace {

constexpr std::string_view kLength = "\r\nContent-Length: ";

void append(Bytes& out, std::string_view text) { out.insert(out.end(), text.begin(), text.end()); }

}  // namespace

void append_request_head(Bytes& out, std::string_view token, size_t body_bytes) {
  append(out, "POST /sync HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-topgun\r\n");
  if (!token.empty()) {
    append(out, "Authorization: Bearer ");
    append(out, token);
    append(out, "\r\n");
  }
  append(out, "Content-Length: ");
  append(out, std::to_string(body_bytes));
  append(out, "\r\n\r\n");
}

std::optional<ByteView> HttpAnswerReader::next() {
  input_.erase(input_.begin(), input_.begin() + static_cast<ptrdiff_t>(taken_));
  taken_ = 0;
  const std::string_view text = as_text(input_);
  const size_t head = text.find("\r\n\r\n");
  if (failed_ || head == std::string_view::npos) return std::nullopt;
  const size_t at = text.find(kLength);
  if (!text.starts_with("HTTP/1.1 200") || at > head) {
    failed_ = true;
    return std::nullopt;
  }
  size_t length = 0;
  std::from_chars(text.data() + at + kLength.size(), text.data() + head, length);
  if (text.size() < head + 4 + length) return std::nullopt;
  taken_ = head + 4 + length;
  return ByteView(input_).subspan(head + 4, length);
}

}  // namespace topgun::bench
