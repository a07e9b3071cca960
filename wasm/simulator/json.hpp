#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace topgun::sim {

/// Writes JSON into a text: what is opened must be closed, commas come by themselves.
///
/// Numbers of 64 bits that mean an identity go in as text (`hex`, `text_of`): readers in JavaScript
/// would round them. Counts and times stay below 2^53 and go in as numbers.
class Json {
 public:
  Json& open(char bracket);
  Json& close(char bracket);
  /// The name of the next value.
  Json& key(std::string_view name);
  Json& number(uint64_t value);
  Json& number(int64_t value);
  Json& boolean(bool value);
  Json& null();
  Json& string(std::string_view text);
  /// Sixteen digits, as traces are printed.
  Json& hex(uint64_t value);

  // A name and its value.
  Json& field(std::string_view name, uint64_t value) { return key(name).number(value); }
  Json& field(std::string_view name, uint32_t value) { return key(name).number(uint64_t{value}); }
  Json& field(std::string_view name, int64_t value) { return key(name).number(value); }
  Json& field(std::string_view name, bool value) { return key(name).boolean(value); }
  Json& field(std::string_view name, std::string_view value) { return key(name).string(value); }
  Json& field(std::string_view name, const char* value) { return key(name).string(value); }

  const std::string& text() const { return text_; }

 private:
  void separate();

  std::string text_;
  bool needs_comma_ = false;
};

}  // namespace topgun::sim
