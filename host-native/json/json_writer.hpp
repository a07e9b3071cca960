#pragma once

#include <string>
#include <string_view>

#include "core/base/bytes.hpp"

namespace topgun::host {

/// Appends JSON text, members and elements in the order of the calls. Borrows the text; never
/// fails. What is passed as text must be UTF-8.
class JsonWriter {
 public:
  explicit JsonWriter(std::string& out) : out_(out) {}

  void begin_object() { open('{'); }
  void end_object() { close('}'); }
  void begin_array() { open('['); }
  void end_array() { close(']'); }
  /// The name of the member that follows.
  void name(std::string_view name);

  void nil() { plain("null"); }
  void boolean(bool value) { plain(value ? "true" : "false"); }
  void text(std::string_view value);
  void integer(int64_t value);
  /// The shortest text that reads as the same double. Finite.
  void number(double value);
  /// A number where every reader takes it exactly (to 2^53), else its digits as text.
  void count(uint64_t value);
  /// Always text: ids use all their bits.
  void id(uint64_t value);
  /// Base64url.
  void bytes(ByteView value);

 private:
  void open(char bracket);
  void close(char bracket);
  void plain(std::string_view text);
  void separate();

  std::string& out_;
  bool comma_ = false;
};

}  // namespace topgun::host
