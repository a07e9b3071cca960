#include "tests/support/query_model.hpp"

#include <algorithm>
#include <cmath>
#include <string>

#include "core/value/utf8.hpp"
#include "core/value/value_writer.hpp"

namespace topgun {
namespace {

using namespace query;

/// The number that is this bigint exactly, if there is one.
std::optional<double> number_of(const BigInt& bigint) {
  double number = 0;
  for (const uint8_t byte : bigint.magnitude) number = number * 256 + byte;
  if (std::isinf(number)) return std::nullopt;
  Bytes digits;
  for (double left = number; left > 0; left = std::floor(left / 256)) {
    digits.insert(digits.begin(), static_cast<uint8_t>(std::fmod(left, 256)));
  }
  if (digits != bigint.magnitude) return std::nullopt;
  return bigint.negative ? -number : number;
}

/// The same value with each number in the form that stands for all of equal value.
void write_plain(ValueView value, ValueWriter& writer) {
  if (value.type() == ValueType::Number) {
    writer.number(*value.as_double() == 0 ? 0 : *value.as_double());
  } else if (value.type() == ValueType::BigInt) {
    const BigInt bigint = *value.as_bigint();
    const auto number = number_of(bigint);
    if (number) {
      writer.number(*number == 0 ? 0 : *number);
    } else {
      writer.bigint(bigint);
    }
  } else if (value.type() == ValueType::Array) {
    writer.begin_array(value.size());
    ArrayReader elements = value.elements();
    while (const auto element = elements.next()) write_plain(*element, writer);
  } else if (value.type() == ValueType::Map) {
    writer.begin_map(value.size());
    MapReader entries = value.entries();
    while (const auto entry = entries.next()) {
      writer.key(entry->key);
      write_plain(entry->value, writer);
    }
  } else {
    writer.encoded(value);
  }
}

Bytes plain(ByteView value) {
  Bytes out;
  ValueWriter writer(out);
  write_plain(ValueView(value), writer);
  return out;
}

const Bytes kNil = {0xc0};

bool is_nan(ByteView value) {
  const auto number = ValueView(value).as_double();
  return number && std::isnan(*number);
}

bool same_type(ByteView left, ByteView right) {
  const auto type = [](ByteView value) {
    const ValueType own = ValueView(value).type();
    return own == ValueType::BigInt ? ValueType::Number : own;
  };
  return type(left) == type(right);
}

bool equal(const Bytes& left, const Bytes& right) { return model_order(left, right) == 0; }

bool in_range(const Bounds& bounds, const Bytes& value) {
  if (is_nan(value) || is_nan(bounds.low) || is_nan(bounds.high)) return false;
  if (!bounds.low.empty()) {
    if (!same_type(bounds.low, value)) return false;
    const int order = model_order(bounds.low, value);
    if (order > 0 || (order == 0 && !bounds.low_inclusive)) return false;
  }
  if (!bounds.high.empty()) {
    if (!same_type(bounds.high, value)) return false;
    const int order = model_order(value, bounds.high);
    if (order > 0 || (order == 0 && !bounds.high_inclusive)) return false;
  }
  return true;
}

size_t first_character(std::string_view text) {
  size_t size = 1;
  while (size < text.size() && (static_cast<uint8_t>(text[size]) & 0xc0) == 0x80) ++size;
  return size;
}

/// By trying everything.
bool like(std::string_view pattern, std::string_view text, bool any_case) {
  if (pattern.empty()) return text.empty();
  if (pattern[0] == '%') {
    for (size_t skip = 0; skip <= text.size(); ++skip) {
      if (like(pattern.substr(1), text.substr(skip), any_case)) return true;
    }
    return false;
  }
  if (text.empty()) return false;
  if (pattern[0] == '_') {
    return like(pattern.substr(1), text.substr(first_character(text)), any_case);
  }
  if (pattern[0] == '\\' && pattern.size() > 1) pattern.remove_prefix(1);
  const auto lower = [&](char c) {
    return any_case && c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  };
  if (lower(pattern[0]) != lower(text[0])) return false;
  return like(pattern.substr(1), text.substr(1), any_case);
}

bool contains(ValueView value, const Bytes& operand) {
  if (const auto text = value.as_text()) {
    const auto part = ValueView(operand).as_text();
    return part && text->find(*part) != std::string_view::npos;
  }
  ArrayReader elements = value.elements();
  while (const auto element = elements.next()) {
    if (equal(to_bytes(element->bytes()), operand)) return true;
  }
  return false;
}

bool test_holds(const Predicate& test, const std::optional<Bytes>& found) {
  const Bytes value = found.value_or(kNil);
  const ValueView view(value);
  const auto contained = [&](const Bytes& operand) { return contains(view, operand); };
  const auto& operands = test.operands;
  const bool has_content = view.type() == ValueType::Text || view.type() == ValueType::Array;
  const auto text = view.as_text();
  const auto operand_text = [&] { return ValueView(operands[0]).as_text().value(); };
  switch (test.kind) {
    case PredicateKind::In:
      return std::any_of(operands.begin(), operands.end(),
                         [&](const Bytes& operand) { return equal(value, operand); });
    case PredicateKind::Range:
      return in_range(test.bounds, value);
    case PredicateKind::IsMissing:
      return !found;
    case PredicateKind::Like:
    case PredicateKind::LikeAnyCase:
      return text && like(operand_text(), *text, test.kind == PredicateKind::LikeAnyCase);
    case PredicateKind::Prefix:
      return text && text->starts_with(operand_text());
    case PredicateKind::Suffix:
      return text && text->ends_with(operand_text());
    case PredicateKind::ContainsAny:
      return has_content && std::any_of(operands.begin(), operands.end(), contained);
    case PredicateKind::ContainsAll:
      return has_content && std::all_of(operands.begin(), operands.end(), contained);
    default:
      return false;
  }
}

}  // namespace

int model_order(const std::optional<Bytes>& left, const std::optional<Bytes>& right) {
  if (!left || !right) return static_cast<int>(left.has_value()) - right.has_value();
  const Bytes plain_left = plain(*left);
  const Bytes plain_right = plain(*right);
  return compare_values(ValueView(plain_left), ValueView(plain_right));
}

std::optional<Bytes> model_read(const Attribute& attribute, ByteView key, ByteView value) {
  if (attribute.source == Attribute::Source::Key) {
    Bytes out;
    ValueWriter writer(out);
    if (is_utf8(key)) {
      writer.text(as_text(key));
    } else {
      writer.binary(key);
    }
    return out;
  }
  const std::vector<std::string_view> steps(attribute.steps.begin(), attribute.steps.end());
  const auto found = ValueView(value).at_path(steps);
  if (!found) return std::nullopt;
  return to_bytes(found->bytes());
}

bool model_matches(const Predicate& predicate, ByteView key, ByteView value) {
  const auto child_matches = [&](const Predicate& child) {
    return model_matches(child, key, value);
  };
  const auto& children = predicate.children;
  switch (predicate.kind) {
    case PredicateKind::True:
      return true;
    case PredicateKind::False:
      return false;
    case PredicateKind::And:
      return std::all_of(children.begin(), children.end(), child_matches);
    case PredicateKind::Or:
      return std::any_of(children.begin(), children.end(), child_matches);
    case PredicateKind::Not:
      return !child_matches(children[0]);
    default:
      return test_holds(predicate, model_read(predicate.attribute, key, value));
  }
}

}  // namespace topgun
