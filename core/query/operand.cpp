#include "core/query/operand.hpp"

namespace topgun::query {
namespace {

ValueType range_type(ValueType type) {
  return type == ValueType::BigInt ? ValueType::Number : type;
}

int three_way(double left, double right) { return left < right ? -1 : left > right ? 1 : 0; }

}  // namespace

bool is_comparable(ValueType left, ValueType right) {
  return range_type(left) == range_type(right);
}

Operand::Operand(ByteView value) : value_(to_bytes(value)), type_(ValueView(value).type()) {
  append_ordered_key(key_, ValueView(value_));
  const auto number = ValueView(value_).as_double();
  has_number_ = number.has_value();
  number_ = number.value_or(0);
}

std::string_view Operand::text() const { return ValueView(value_).as_text().value_or(""); }

bool Operand::equals(const std::optional<ValueView>& value) const {
  const ValueType type = value ? value->type() : ValueType::Nil;
  if (!is_comparable(type, type_)) return false;
  if (type == ValueType::Nil) return true;
  if (type == ValueType::Text) return *value->as_text() == text();
  if (type == ValueType::Number && has_number_) {
    const double number = *value->as_double();
    return number == number_ || (number != number && number_ != number_);
  }
  Bytes key;
  append_ordered_key(key, value);
  return key == key_;
}

std::optional<int> Operand::compare(const std::optional<ValueView>& value) const {
  const ValueType type = value ? value->type() : ValueType::Nil;
  if (!is_comparable(type, type_)) return std::nullopt;
  if (type == ValueType::Nil) return 0;
  if (type == ValueType::Text) return compare_bytes(as_bytes(*value->as_text()), as_bytes(text()));
  // NaN is in no range and bounds none.
  if (has_number_ && number_ != number_) return std::nullopt;
  if (type == ValueType::Number) {
    const double number = *value->as_double();
    if (number != number) return std::nullopt;
    if (has_number_) return three_way(number, number_);
  }
  Bytes key;
  append_ordered_key(key, value);
  return compare_bytes(key, key_);
}

}  // namespace topgun::query
