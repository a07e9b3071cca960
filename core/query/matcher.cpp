#include "core/query/matcher.hpp"

#include <algorithm>

#include "core/base/probe.hpp"
#include "core/base/stable_sort.hpp"

namespace topgun::query {

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
    node.test.emplace(predicate);
  }
  nodes_.push_back(std::move(node));
  return static_cast<uint32_t>(nodes_.size() - 1);
}

std::vector<AttributeId> Matcher::attributes() const {
  std::vector<AttributeId> ids;
  for (const Node& node : nodes_) {
    if (node.test) ids.push_back(node.attribute);
  }
  stable_sort(ids);
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  return ids;
}

bool Matcher::matches(const RowView& row, uint32_t at) {
  const Node& node = nodes_[at];
  if (node.test) return node.test->holds(reader_.read(row, node.attribute));
  const auto matches_child = [&](uint32_t child) { return matches(row, child); };
  switch (node.kind) {
    case PredicateKind::And:
      return std::all_of(node.children.begin(), node.children.end(), matches_child);
    case PredicateKind::Or:
      return std::any_of(node.children.begin(), node.children.end(), matches_child);
    case PredicateKind::Not:
      if (TG_MUTANT(67) && nodes_[node.children[0]].test &&
          !reader_.read(row, nodes_[node.children[0]].attribute)) {
        return false;
      }
      return !matches(row, node.children[0]);
    default:
      return node.kind == PredicateKind::True;
  }
}

}  // namespace topgun::query
