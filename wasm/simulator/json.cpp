#include "wasm/simulator/json.hpp"

namespace topgun::sim {

namespace {

constexpr char kDigits[] = "0123456789abcdef";

}  // namespace

void Json::separate() {
  if (needs_comma_) text_ += ',';
  needs_comma_ = true;
}

Json& Json::open(char bracket) {
  separate();
  text_ += bracket;
  needs_comma_ = false;
  return *this;
}

Json& Json::close(char bracket) {
  text_ += bracket;
  needs_comma_ = true;
  return *this;
}

Json& Json::key(std::string_view name) {
  string(name);
  text_ += ':';
  needs_comma_ = false;
  return *this;
}

Json& Json::number(uint64_t value) {
  separate();
  text_ += std::to_string(value);
  return *this;
}

Json& Json::number(int64_t value) {
  separate();
  text_ += std::to_string(value);
  return *this;
}

Json& Json::boolean(bool value) {
  separate();
  text_ += value ? "true" : "false";
  return *this;
}

Json& Json::null() {
  separate();
  text_ += "null";
  return *this;
}

Json& Json::string(std::string_view text) {
  separate();
  text_ += '"';
  for (const char c : text) {
    const auto byte = static_cast<uint8_t>(c);
    if (byte < 0x20) {
      text_ += "\\u00";
      text_ += kDigits[byte >> 4];
      text_ += kDigits[byte & 15];
      continue;
    }
    if (c == '"' || c == '\\') text_ += '\\';
    text_ += c;
  }
  text_ += '"';
  return *this;
}

Json& Json::hex(uint64_t value) {
  separate();
  text_ += '"';
  for (int shift = 60; shift >= 0; shift -= 4) text_ += kDigits[value >> shift & 15];
  text_ += '"';
  return *this;
}

}  // namespace topgun::sim
