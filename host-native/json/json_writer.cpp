#include "host-native/json/json_writer.hpp"

#include <charconv>
#include <cmath>

#include "core/value/value.hpp"
#include "host-native/auth/base64url.hpp"

namespace topgun::host {

namespace {

void append_escaped(std::string& out, std::string_view text) {
  constexpr char kHex[] = "0123456789abcdef";
  out += '"';
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (static_cast<unsigned char>(c) < 0x20) {
      out += "\\u00";
      out += kHex[static_cast<unsigned char>(c) >> 4];
      out += kHex[c & 15];
    } else {
      out += c;
    }
  }
  out += '"';
}

}  // namespace

void JsonWriter::separate() {
  if (comma_) out_ += ',';
  comma_ = true;
}

void JsonWriter::open(char bracket) {
  separate();
  out_ += bracket;
  comma_ = false;
}

void JsonWriter::close(char bracket) {
  out_ += bracket;
  comma_ = true;
}

void JsonWriter::plain(std::string_view text) {
  separate();
  out_ += text;
}

void JsonWriter::name(std::string_view name) {
  separate();
  append_escaped(out_, name);
  out_ += ':';
  comma_ = false;
}

void JsonWriter::text(std::string_view value) {
  separate();
  append_escaped(out_, value);
}

void JsonWriter::integer(int64_t value) { plain(std::to_string(value)); }

void JsonWriter::number(double value) {
  char digits[32];
  const char* end = std::to_chars(digits, digits + sizeof(digits), value).ptr;
  std::string_view shortest(digits, static_cast<size_t>(end - digits));
  // Without a point or an exponent it would read as an integer, which has no negative zero.
  plain(shortest == "-0" ? "-0.0" : shortest);
}

void JsonWriter::count(uint64_t value) {
  if (value > static_cast<uint64_t>(kNumberIntegerMax)) return id(value);
  plain(std::to_string(value));
}

void JsonWriter::id(uint64_t value) {
  separate();
  out_ += '"';
  out_ += std::to_string(value);
  out_ += '"';
}

void JsonWriter::bytes(ByteView value) {
  separate();
  out_ += '"';
  out_ += base64url_encode(value);
  out_ += '"';
}

}  // namespace topgun::host
