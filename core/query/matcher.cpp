#include "core/query/matcher.hpp"

#include <algorithm>

namespace topgun::query {
namespace {

/// Above this, `In` looks its value up instead of comparing it with each operand.
constexpr size_t kLinearMax = 8;

bool key_below(const Operand& left, const Operand& right) {
  return compare_bytes(left.key(), right.key()) < 0;
}

}  // namespace

Result<Matcher> Matcher::make(const Predicate& predicate, AttributeTable& attributes) {
  Matcher matcher(attributes);
  const auto root = matcher.add(predicate, attributes);
  if (!root.ok()) return root.error();
  matcher.root_ = *root;
  return matcher;
}

Result<uint32_t> Matcher::add(const Predicate& predicate, AttributeTable& attributes) {
  Node node;
  node.kind = predicate.kind;
  for (const Predicate& child : predicate.children) {
    const auto at = add(child, attributes);
    if (!at.ok()) return at.error();
    node.children.push_back(*at);
  }
  if (predicate.kind >= PredicateKind::In) {
    const auto id = attributes.intern(predicate.attribute);
    if (!id.ok()) return id.error();
    node.attribute = *id;
  }
  for (const Bytes& operand : predicate.operands) node.operands.emplace_back(operand);
  if (predicate.kind == PredicateKind::In) {
    std::stable_sort(node.operands.begin(), node.operands.end(), key_below);
  }
  if (predicate.kind == PredicateKind::Range) {
    const Bounds& bounds = predicate.bounds;
    node.has_low = !bounds.low.empty();
    node.low_inclusive = bounds.low_inclusive;
    node.high_inclusive = bounds.high_inclusive;
    if (!bounds.low.empty()) node.operands.emplace_back(bounds.low);
    if (!bounds.high.empty()) node.operands.emplace_back(bounds.high);
  }
  if (predicate.kind == PredicateKind::Like) {
    node.patterns.emplace_back(node.operands[0].text(), LikePattern::Case::Sensitive);
  }
  if (predicate.kind == PredicateKind::LikeAnyCase) {
    node.patterns.emplace_back(node.operands[0].text(), LikePattern::Case::AnyAscii);
  }
  nodes_.push_back(std::move(node));
  return static_cast<uint32_t>(nodes_.size() - 1);
}

std::vector<AttributeId> Matcher::attributes() const {
  std::vector<AttributeId> ids;
  for (const Node& node : nodes_) {
    if (node.kind >= PredicateKind::In) ids.push_back(node.attribute);
  }
  std::stable_sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  return ids;
}

bool Matcher::matches(const RowView& row, uint32_t at) {
  const Node& node = nodes_[at];
  const auto matches_child = [&](uint32_t child) { return matches(row, child); };
  switch (node.kind) {
    case PredicateKind::True:
      return true;
    case PredicateKind::False:
      return false;
    case PredicateKind::And:
      return std::all_of(node.children.begin(), node.children.end(), matches_child);
    case PredicateKind::Or:
      return std::any_of(node.children.begin(), node.children.end(), matches_child);
    case PredicateKind::Not:
      return !matches(row, node.children[0]);
    case PredicateKind::In:
      return is_in(node, reader_.read(row, node.attribute));
    case PredicateKind::Range:
      return is_in_range(node, reader_.read(row, node.attribute));
    case PredicateKind::IsMissing:
      return !reader_.read(row, node.attribute);
    case PredicateKind::Like:
    case PredicateKind::LikeAnyCase:
    case PredicateKind::Prefix:
    case PredicateKind::Suffix:
      return matches_text(node, reader_.read(row, node.attribute));
    case PredicateKind::ContainsAny:
    case PredicateKind::ContainsAll:
      return matches_contents(node, reader_.read(row, node.attribute));
  }
  return false;
}

bool Matcher::is_in(const Node& node, const std::optional<ValueView>& value) {
  if (node.operands.size() <= kLinearMax) {
    return std::any_of(node.operands.begin(), node.operands.end(),
                       [&](const Operand& operand) { return operand.equals(value); });
  }
  Bytes key;
  append_ordered_key(key, value ? *value : ValueView());
  const auto at = std::lower_bound(
      node.operands.begin(), node.operands.end(), key,
      [](const Operand& left, const Bytes& right) { return compare_bytes(left.key(), right) < 0; });
  return at != node.operands.end() && equal_bytes(at->key(), key);
}

bool Matcher::is_in_range(const Node& node, const std::optional<ValueView>& value) {
  size_t next = 0;
  if (node.has_low) {
    const auto order = node.operands[next++].compare(value);
    if (!order || (node.low_inclusive ? *order < 0 : *order <= 0)) return false;
  }
  if (next == node.operands.size()) return true;
  const auto order = node.operands[next].compare(value);
  return order && (node.high_inclusive ? *order <= 0 : *order < 0);
}

bool Matcher::matches_text(const Node& node, const std::optional<ValueView>& value) {
  const auto text = value ? value->as_text() : std::nullopt;
  if (!text) return false;
  if (!node.patterns.empty()) return node.patterns[0].matches(*text);
  const std::string_view operand = node.operands[0].text();
  if (node.kind == PredicateKind::Prefix) return text->starts_with(operand);
  return text->ends_with(operand);
}

bool Matcher::contains(const ValueView& value, const Operand& operand) {
  if (const auto text = value.as_text()) {
    return operand.type() == ValueType::Text && text->find(operand.text()) != text->npos;
  }
  ArrayReader elements = value.elements();
  while (const auto element = elements.next()) {
    if (operand.equals(*element)) return true;
  }
  return false;
}

bool Matcher::matches_contents(const Node& node, const std::optional<ValueView>& value) {
  if (!value || (value->type() != ValueType::Array && value->type() != ValueType::Text)) {
    return false;
  }
  const auto is_contained = [&](const Operand& operand) { return contains(*value, operand); };
  return node.kind == PredicateKind::ContainsAny
             ? std::any_of(node.operands.begin(), node.operands.end(), is_contained)
             : std::all_of(node.operands.begin(), node.operands.end(), is_contained);
}

}  // namespace topgun::query
