#include "host-native/json/json_reader.hpp"

#include <algorithm>
#include <boost/json/basic_parser_impl.hpp>
#include <charconv>
#include <cmath>

#include "core/value/value.hpp"
#include "host-native/auth/base64url.hpp"

namespace topgun::host {

namespace json = boost::json;

namespace {

constexpr size_t kProblemBytesMax = 200;

/// Builds the value that `json::parse` would, with doubles read by the standard library.
struct ValueHandler {
  // NOLINTBEGIN(readability-identifier-naming): the parser asks for them by these names.
  static constexpr size_t max_object_size = size_t{1} << 24;
  static constexpr size_t max_array_size = size_t{1} << 24;
  static constexpr size_t max_key_size = size_t{1} << 24;
  static constexpr size_t max_string_size = size_t{1} << 28;
  // NOLINTEND(readability-identifier-naming)

  using Code = json::error_code;
  using Text = json::string_view;

  bool on_document_begin(Code&) { return true; }
  bool on_document_end(Code&) { return true; }
  bool on_object_begin(Code&) { return true; }
  bool on_object_end(size_t count, Code&) {
    stack.push_object(count);
    return true;
  }
  bool on_array_begin(Code&) { return true; }
  bool on_array_end(size_t count, Code&) {
    stack.push_array(count);
    return true;
  }
  bool on_key_part(Text part, size_t, Code&) {
    stack.push_chars(part);
    return true;
  }
  bool on_key(Text rest, size_t, Code&) {
    stack.push_key(rest);
    return true;
  }
  bool on_string_part(Text part, size_t, Code&) {
    stack.push_chars(part);
    return true;
  }
  bool on_string(Text rest, size_t, Code&) {
    stack.push_string(rest);
    return true;
  }
  bool on_number_part(Text part, Code&) {
    number.append(part.data(), part.size());
    return true;
  }
  bool on_int64(int64_t value, Text, Code&) {
    number.clear();
    stack.push_int64(value);
    return true;
  }
  bool on_uint64(uint64_t value, Text, Code&) {
    number.clear();
    stack.push_uint64(value);
    return true;
  }
  bool on_double(double value, Text rest, Code&) {
    number.append(rest.data(), rest.size());
    double exact = value;
    const auto read = std::from_chars(number.data(), number.data() + number.size(), exact);
    // Out of range: zero or infinity, as the parser found.
    stack.push_double(read.ec == std::errc() ? exact : value);
    number.clear();
    return true;
  }
  bool on_bool(bool value, Code&) {
    stack.push_bool(value);
    return true;
  }
  bool on_null(Code&) {
    stack.push_null();
    return true;
  }
  bool on_comment_part(Text, Code&) { return true; }
  bool on_comment(Text, Code&) { return true; }

  json::value_stack stack;
  std::string number;
};

}  // namespace

std::optional<json::value> parse_json(std::string_view text, size_t depth_max) {
  json::parse_options options;
  options.max_depth = depth_max;
  json::basic_parser<ValueHandler> parser(options);
  parser.handler().stack.reset();
  json::error_code error;
  const size_t taken = parser.write_some(/*more=*/false, text.data(), text.size(), error);
  if (error || taken != text.size() || !parser.done()) return std::nullopt;
  return parser.handler().stack.release();
}

void JsonProblem::say(std::string_view what) { say(Error::Malformed, what); }

void JsonProblem::say(Error error, std::string_view what) {
  if (!empty()) return;
  error_ = error;
  text_ = what;
}

std::optional<uint64_t> to_u64(const json::value& value) {
  if (const auto* number = value.if_uint64()) return *number;
  if (const auto* number = value.if_int64()) {
    if (*number >= 0) return static_cast<uint64_t>(*number);
    return std::nullopt;
  }
  const auto* text = value.if_string();
  if (text == nullptr) return std::nullopt;
  uint64_t number = 0;
  const char* end = text->data() + text->size();
  const auto read = std::from_chars(text->data(), end, number);
  if (read.ec != std::errc() || read.ptr != end) return std::nullopt;
  return number;
}

JsonMembers::JsonMembers(const json::value& value, JsonProblem& problem)
    : object_(value.if_object()), problem_(problem) {
  if (object_ == nullptr) problem_.say("expected an object");
}

bool JsonMembers::has(std::string_view name) const {
  return object_ != nullptr && object_->contains({name.data(), name.size()});
}

const json::value* JsonMembers::find(std::string_view name) {
  asked_.push_back(name);
  if (object_ == nullptr) return nullptr;
  return object_->if_contains({name.data(), name.size()});
}

void JsonMembers::wrong(std::string_view name, std::string_view expected) {
  problem_.say("'" + std::string(name) + "': expected " + std::string(expected));
}

uint64_t JsonMembers::number(std::string_view name, std::optional<uint64_t> fallback,
                             uint64_t max) {
  const json::value* member = find(name);
  if (member == nullptr) {
    if (!fallback) wrong(name, "a number");
    return fallback.value_or(0);
  }
  const auto number = to_u64(*member);
  if (number && *number <= max) return *number;
  wrong(name, "a number from 0 to " + std::to_string(max));
  return fallback.value_or(0);
}

bool JsonMembers::flag(std::string_view name, bool fallback) {
  const json::value* member = find(name);
  if (member == nullptr) return fallback;
  if (const bool* flag = member->if_bool()) return *flag;
  wrong(name, "true or false");
  return fallback;
}

std::string_view JsonMembers::text(std::string_view name,
                                   std::optional<std::string_view> fallback) {
  const json::value* member = find(name);
  if (member != nullptr) {
    if (const auto* text = member->if_string()) return {text->data(), text->size()};
  }
  if (member != nullptr || !fallback) wrong(name, "text");
  return fallback.value_or(std::string_view());
}

Bytes JsonMembers::bytes(std::string_view name) {
  auto decoded = base64url_decode(text(name, std::string_view()));
  if (!decoded) wrong(name, "base64url");
  return decoded ? std::move(*decoded) : Bytes();
}

const json::array& JsonMembers::array(std::string_view name) {
  static const json::array kEmpty;
  const json::value* member = find(name);
  if (member == nullptr) return kEmpty;
  if (const auto* array = member->if_array()) return *array;
  wrong(name, "an array");
  return kEmpty;
}

const json::value* JsonMembers::value(std::string_view name) { return find(name); }

void JsonMembers::expect_no_others() {
  if (object_ == nullptr || !problem_.empty()) return;
  for (const auto& member : *object_) {
    const std::string_view name(member.key().data(), member.key().size());
    if (std::find(asked_.begin(), asked_.end(), name) != asked_.end()) continue;
    const bool is_short = name.size() <= kProblemBytesMax;
    problem_.say("unknown member '" + std::string(is_short ? name : "…") + "'");
    return;
  }
}

}  // namespace topgun::host
