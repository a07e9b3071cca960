#include "host-native/json/value_json.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <vector>

#include "core/base/assert.hpp"
#include "core/value/value_writer.hpp"
#include "host-native/auth/base64url.hpp"

namespace topgun::host {

namespace json = boost::json;

namespace {

std::string_view view_of(const json::string& text) { return {text.data(), text.size()}; }
std::string_view view_of(json::string_view text) { return {text.data(), text.size()}; }

// --- writing ---

/// Decimal as long as it is a matter of one word, hexadecimal beyond.
std::string bigint_text(const BigInt& value) {
  std::string text = value.negative ? "-" : "";
  if (value.magnitude.size() <= 8) {
    uint64_t word = 0;
    for (const uint8_t byte : value.magnitude) word = (word << 8) | byte;
    return text + std::to_string(word);
  }
  constexpr char kHex[] = "0123456789abcdef";
  text += "0x";
  for (const uint8_t byte : value.magnitude) {
    text += kHex[byte >> 4];
    text += kHex[byte & 15];
  }
  return text;
}

void write_number(JsonWriter& out, ValueView value, double number) {
  if (std::isfinite(number)) {
    const bool is_integer = number == std::floor(number) &&
                            !(number == 0 && std::signbit(number)) &&
                            std::fabs(number) <= static_cast<double>(kNumberIntegerMax);
    return is_integer ? out.integer(*value.as_int()) : out.number(number);
  }
  out.begin_object();
  out.name("$number");
  out.text(std::isnan(number) ? "NaN" : number > 0 ? "Infinity" : "-Infinity");
  out.end_object();
}

void write_date(JsonWriter& out, ValueDate date) {
  constexpr uint32_t kNanosecondsOfAMillisecond = 1'000'000;
  out.begin_object();
  out.name("$date");
  if (date.nanoseconds % kNanosecondsOfAMillisecond == 0) {
    out.integer(date.milliseconds());
  } else {
    out.begin_object();
    out.name("seconds");
    out.integer(date.seconds);
    out.name("nanoseconds");
    out.integer(date.nanoseconds);
    out.end_object();
  }
  out.end_object();
}

void write_canonical(JsonWriter& out, ValueView value);

void write_map(JsonWriter& out, ValueView value) {
  MapReader entries = value.entries();
  bool is_escaped = false;
  if (value.size() == 1) is_escaped = value.entries().next()->key.starts_with("$");
  if (is_escaped) {
    out.begin_object();
    out.name("$map");
  }
  out.begin_object();
  while (const auto entry = entries.next()) {
    out.name(entry->key);
    write_canonical(out, entry->value);
  }
  out.end_object();
  if (is_escaped) out.end_object();
}

void write_canonical(JsonWriter& out, ValueView value) {
  switch (value.type()) {
    case ValueType::Nil:
      return out.nil();
    case ValueType::Bool:
      return out.boolean(*value.as_bool());
    case ValueType::Number:
      return write_number(out, value, *value.as_double());
    case ValueType::Text:
      return out.text(*value.as_text());
    case ValueType::Date:
      return write_date(out, *value.as_date());
    case ValueType::Map:
      return write_map(out, value);
    case ValueType::Array: {
      out.begin_array();
      ArrayReader elements = value.elements();
      while (const auto element = elements.next()) write_canonical(out, *element);
      return out.end_array();
    }
    case ValueType::BigInt:
      out.begin_object();
      out.name("$bigint");
      out.text(bigint_text(*value.as_bigint()));
      return out.end_object();
    case ValueType::Binary:
      out.begin_object();
      out.name("$binary");
      out.bytes(*value.as_binary());
      return out.end_object();
    case ValueType::Extension: {
      const ExtensionView extension = *value.as_extension();
      out.begin_object();
      out.name("$extension");
      out.begin_object();
      out.name("type");
      out.integer(extension.type);
      out.name("bytes");
      out.bytes(extension.payload);
      out.end_object();
      return out.end_object();
    }
  }
}

// --- reading ---

class ValueJsonReader {
 public:
  ValueJsonReader(JsonProblem& problem, Bytes& out) : problem_(problem), to_(out), out_(out) {}

  void read(const json::value& value) {
    switch (value.kind()) {
      case json::kind::null:
        return to_.nil();
      case json::kind::bool_:
        return to_.boolean(value.get_bool());
      case json::kind::int64:
        return integer(value.get_int64());
      case json::kind::uint64:
        return to_.number(static_cast<double>(value.get_uint64()));
      case json::kind::double_:
        return to_.number(value.get_double());
      case json::kind::string:
        return to_.text(view_of(value.get_string()));
      case json::kind::array:
        to_.begin_array(value.get_array().size());
        for (const json::value& element : value.get_array()) read(element);
        return;
      case json::kind::object:
        return object(value.get_object());
    }
  }

 private:
  /// JSON has one kind of number, and so do values: beyond 2^53 it is the nearest double.
  void integer(int64_t value) {
    if (value >= -kNumberIntegerMax && value <= kNumberIntegerMax) return to_.integer(value);
    to_.number(static_cast<double>(value));
  }

  void object(const json::object& object) {
    const bool is_tagged = object.size() == 1 && object.begin()->key().starts_with('$');
    if (is_tagged) return tagged(view_of(object.begin()->key()), object.begin()->value());
    map(object);
  }

  void map(const json::object& object) {
    std::vector<const json::key_value_pair*> members;
    members.reserve(object.size());
    for (const json::key_value_pair& member : object) members.push_back(&member);
    std::sort(members.begin(), members.end(), [](const auto* left, const auto* right) {
      return compare_bytes(as_bytes(view_of(left->key())), as_bytes(view_of(right->key()))) < 0;
    });
    to_.begin_map(members.size());
    for (const auto* member : members) {
      to_.key(view_of(member->key()));
      read(member->value());
    }
  }

  void tagged(std::string_view tag, const json::value& value) {
    if (tag == "$map" && value.is_object()) return map(value.get_object());
    if (tag == "$date") return date(value);
    if (tag == "$extension") return extension(value);
    const auto* text = value.if_string();
    if (text == nullptr) return wrong(tag);
    if (tag == "$number") return special_number(view_of(*text));
    if (tag == "$bigint") return bigint(view_of(*text));
    const auto bytes = base64url_decode(view_of(*text));
    if (!bytes) return wrong(tag);
    if (tag == "$binary") return to_.binary(*bytes);
    if (tag != "$messagepack") return wrong(tag);
    // Checked with the whole value, by whoever reads the batch.
    if (const auto valid = validate_value(*bytes); !valid.ok()) {
      return problem_.say(valid.error(), "'$messagepack' is no value");
    }
    out_.insert(out_.end(), bytes->begin(), bytes->end());
  }

  void special_number(std::string_view text) {
    if (text == "NaN") return to_.number(std::nan(""));
    if (text == "Infinity") return to_.number(HUGE_VAL);
    if (text == "-Infinity") return to_.number(-HUGE_VAL);
    wrong("$number");
  }

  void bigint(std::string_view text) {
    BigInt value;
    value.negative = text.starts_with("-");
    if (value.negative) text.remove_prefix(1);
    const bool is_hex = text.starts_with("0x");
    if (is_hex) text.remove_prefix(2);
    const bool good = is_hex ? read_hex(text, value.magnitude) : read_word(text, value.magnitude);
    if (!good || value.magnitude.size() > kBigIntBytesMax) return wrong("$bigint");
    if (value.magnitude.empty()) value.negative = false;
    to_.bigint(value);
  }

  static bool read_word(std::string_view digits, Bytes& magnitude) {
    uint64_t word = 0;
    const char* end = digits.data() + digits.size();
    const auto read = std::from_chars(digits.data(), end, word);
    if (read.ec != std::errc() || read.ptr != end) return false;
    for (int shift = 56; shift >= 0; shift -= 8) {
      const auto byte = static_cast<uint8_t>(word >> shift);
      if (byte != 0 || !magnitude.empty()) magnitude.push_back(byte);
    }
    return true;
  }

  static bool read_hex(std::string_view digits, Bytes& magnitude) {
    if (digits.empty() || digits.size() > 2 * kBigIntBytesMax + 1) return false;
    size_t size = digits.size() % 2 == 0 ? 2 : 1;
    while (!digits.empty()) {
      uint8_t byte = 0;
      const auto read = std::from_chars(digits.data(), digits.data() + size, byte, 16);
      if (read.ec != std::errc() || read.ptr != digits.data() + size) return false;
      if (byte != 0 || !magnitude.empty()) magnitude.push_back(byte);
      digits.remove_prefix(size);
      size = 2;
    }
    return true;
  }

  void date(const json::value& value) {
    constexpr int64_t kMillisecondsMax = kDateSecondsMax * 1000;
    if (const auto* ms = value.if_int64()) {
      if (*ms < -kMillisecondsMax || *ms > kMillisecondsMax) return wrong("$date");
      return to_.date(ValueDate::from_milliseconds(*ms));
    }
    const auto* parts = value.if_object();
    if (parts == nullptr || parts->size() != 2) return wrong("$date");
    const auto* seconds = parts->if_contains("seconds");
    const auto* nanoseconds = parts->if_contains("nanoseconds");
    if (seconds == nullptr || nanoseconds == nullptr || !seconds->is_int64() ||
        !nanoseconds->is_int64()) {
      return wrong("$date");
    }
    const int64_t s = seconds->get_int64();
    const int64_t ns = nanoseconds->get_int64();
    const bool in_range = s >= -kDateSecondsMax && s <= kDateSecondsMax && ns >= 0 &&
                          ns < 1'000'000'000 && (s < kDateSecondsMax || ns == 0);
    if (!in_range) return wrong("$date");
    to_.date({s, static_cast<uint32_t>(ns)});
  }

  void extension(const json::value& value) {
    const auto* parts = value.if_object();
    if (parts == nullptr || parts->size() != 2) return wrong("$extension");
    const auto* type = parts->if_contains("type");
    const auto* text = parts->if_contains("bytes");
    if (type == nullptr || text == nullptr || !type->is_int64() || !text->is_string()) {
      return wrong("$extension");
    }
    const int64_t number = type->get_int64();
    const auto bytes = base64url_decode(view_of(text->get_string()));
    const bool has_meaning = number == kExtensionDate || number == kExtensionBigInt;
    if (!bytes || number < INT8_MIN || number > INT8_MAX || has_meaning) return wrong("$extension");
    to_.extension(static_cast<int8_t>(number), *bytes);
  }

  void wrong(std::string_view tag) {
    problem_.say("a value with '" + std::string(tag.substr(0, 32)) + "' is not understood");
  }

  JsonProblem& problem_;
  ValueWriter to_;
  Bytes& out_;
};

}  // namespace

void write_value_json(JsonWriter& out, ValueView value) {
  if (is_canonical_value(value.bytes())) return write_canonical(out, value);
  out.begin_object();
  out.name("$messagepack");
  out.bytes(value.bytes());
  out.end_object();
}

void read_value_json(const json::value& json, JsonProblem& problem, Bytes& out) {
  ValueJsonReader(problem, out).read(json);
}

}  // namespace topgun::host
