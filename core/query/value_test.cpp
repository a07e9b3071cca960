#include "core/query/value_test.hpp"

#include <algorithm>

#include "core/base/stable_sort.hpp"

namespace topgun::query {
namespace {

/// Above this, `In` looks its value up instead of comparing it with each operand.
constexpr size_t kLinearMax = 8;

bool key_below(const Operand& left, const Operand& right) {
  return compare_bytes(left.key(), right.key()) < 0;
}

bool contains(const ValueView& value, const Operand& operand) {
  if (const auto text = value.as_text()) {
    return operand.type() == ValueType::Text && text->find(operand.text()) != text->npos;
  }
  ArrayReader elements = value.elements();
  while (const auto element = elements.next()) {
    if (operand.equals(*element)) return true;
  }
  return false;
}

}  // namespace

ValueTest::ValueTest(const Predicate& test) : kind_(test.kind) {
  for (const Bytes& operand : test.operands) operands_.emplace_back(operand);
  if (kind_ == PredicateKind::In) {
    stable_sort(operands_, key_below);
  } else if (kind_ == PredicateKind::Range) {
    const Bounds& bounds = test.bounds;
    has_low_ = !bounds.low.empty();
    low_inclusive_ = bounds.low_inclusive;
    high_inclusive_ = bounds.high_inclusive;
    if (!bounds.low.empty()) operands_.emplace_back(bounds.low);
    if (!bounds.high.empty()) operands_.emplace_back(bounds.high);
  } else if (kind_ == PredicateKind::Like) {
    patterns_.emplace_back(operands_[0].text(), LikePattern::Case::Sensitive);
  } else if (kind_ == PredicateKind::LikeAnyCase) {
    patterns_.emplace_back(operands_[0].text(), LikePattern::Case::AnyAscii);
  }
}

bool ValueTest::holds(const std::optional<ValueView>& value) const {
  switch (kind_) {
    case PredicateKind::In:
      return is_in(value);
    case PredicateKind::Range:
      return is_in_range(value);
    case PredicateKind::IsMissing:
      return !value;
    case PredicateKind::Like:
    case PredicateKind::LikeAnyCase:
    case PredicateKind::Prefix:
    case PredicateKind::Suffix:
      return matches_text(value);
    case PredicateKind::ContainsAny:
    case PredicateKind::ContainsAll:
      return matches_contents(value);
    case PredicateKind::True:
    case PredicateKind::False:
    case PredicateKind::And:
    case PredicateKind::Or:
    case PredicateKind::Not:
      break;
  }
  return false;
}

bool ValueTest::is_in(const std::optional<ValueView>& value) const {
  if (operands_.size() <= kLinearMax) {
    return std::any_of(operands_.begin(), operands_.end(),
                       [&](const Operand& operand) { return operand.equals(value); });
  }
  Bytes key;
  append_ordered_key(key, value);
  const auto at = std::lower_bound(
      operands_.begin(), operands_.end(), key,
      [](const Operand& left, const Bytes& right) { return compare_bytes(left.key(), right) < 0; });
  return at != operands_.end() && equal_bytes(at->key(), key);
}

bool ValueTest::is_in_range(const std::optional<ValueView>& value) const {
  size_t next = 0;
  if (has_low_) {
    const auto order = operands_[next++].compare(value);
    if (!order || (low_inclusive_ ? *order < 0 : *order <= 0)) return false;
  }
  if (next == operands_.size()) return true;
  const auto order = operands_[next].compare(value);
  return order && (high_inclusive_ ? *order <= 0 : *order < 0);
}

bool ValueTest::matches_text(const std::optional<ValueView>& value) const {
  const auto text = value ? value->as_text() : std::nullopt;
  if (!text) return false;
  if (!patterns_.empty()) return patterns_[0].matches(*text);
  const std::string_view operand = operands_[0].text();
  return kind_ == PredicateKind::Prefix ? text->starts_with(operand) : text->ends_with(operand);
}

bool ValueTest::matches_contents(const std::optional<ValueView>& value) const {
  if (!value || (value->type() != ValueType::Array && value->type() != ValueType::Text)) {
    return false;
  }
  const auto is_contained = [&](const Operand& operand) { return contains(*value, operand); };
  return kind_ == PredicateKind::ContainsAny
             ? std::any_of(operands_.begin(), operands_.end(), is_contained)
             : std::all_of(operands_.begin(), operands_.end(), is_contained);
}

}  // namespace topgun::query
