#pragma once

#include "core/query/row_table.hpp"
#include "core/query/value_test.hpp"

namespace topgun::query {

/// A predicate made ready to be asked of many rows of one map: attributes are numbers, tests are
/// `ValueTest`s.
class Matcher {
 public:
  /// `LimitExceeded` if the map has too many attributes in use.
  static Result<Matcher> make(const Predicate& predicate, AttributeTable& attributes);

  /// O(nodes), each O(size of its attribute).
  bool matches(const RowView& row) { return matches(row, root_); }

  /// Whether it holds of every row, so that nobody needs to ask.
  bool is_always_true() const { return nodes_[root_].kind == PredicateKind::True; }

  /// The attributes it looks at, each once, in order of their number.
  std::vector<AttributeId> attributes() const;

 private:
  struct Node {
    PredicateKind kind = PredicateKind::True;
    AttributeId attribute = 0;
    std::vector<uint32_t> children;
    std::optional<ValueTest> test;
  };

  explicit Matcher(const AttributeTable& attributes) : reader_(attributes) {}

  Result<uint32_t> add(const Predicate& predicate, AttributeTable& attributes);
  bool matches(const RowView& row, uint32_t at);

  std::vector<Node> nodes_;
  uint32_t root_ = 0;
  AttributeReader reader_;
};

}  // namespace topgun::query
