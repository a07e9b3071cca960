#pragma once

#include "core/query/like_pattern.hpp"
#include "core/query/operand.hpp"
#include "core/query/predicate.hpp"
#include "core/query/row_table.hpp"

namespace topgun::query {

/// A predicate made ready to be asked of many rows of one map: attributes are numbers, constants
/// are keys, patterns are taken apart. `docs/queries.md` has the meaning of each test.
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
    bool low_inclusive = false;
    bool high_inclusive = false;
    bool has_low = false;
    std::vector<uint32_t> children;
    /// For `Range` the ends that there are, low first. Those of `In` ascend by key.
    std::vector<Operand> operands;
    std::vector<LikePattern> patterns;
  };

  explicit Matcher(const AttributeTable& attributes) : reader_(attributes) {}

  Result<uint32_t> add(const Predicate& predicate, AttributeTable& attributes);
  bool matches(const RowView& row, uint32_t at);
  static bool is_in(const Node& node, const std::optional<ValueView>& value);
  static bool is_in_range(const Node& node, const std::optional<ValueView>& value);
  static bool matches_text(const Node& node, const std::optional<ValueView>& value);
  static bool contains(const ValueView& value, const Operand& operand);
  static bool matches_contents(const Node& node, const std::optional<ValueView>& value);

  std::vector<Node> nodes_;
  uint32_t root_ = 0;
  AttributeReader reader_;
};

}  // namespace topgun::query
