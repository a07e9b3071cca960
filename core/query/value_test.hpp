#pragma once

#include "core/query/like_pattern.hpp"
#include "core/query/operand.hpp"
#include "core/query/predicate.hpp"

namespace topgun::query {

/// One test of a predicate (`In` and what follows it) made ready to be asked of many values:
/// constants are keys, patterns are taken apart. `docs/queries.md` has the meaning of each.
class ValueTest {
 public:
  /// Of a test, not of a combination.
  explicit ValueTest(const Predicate& test);

  /// Whether it holds of an attribute's value; nothing stands for missing.
  bool holds(const std::optional<ValueView>& value) const;

  PredicateKind kind() const { return kind_; }
  /// For `Range` the ends that there are, low first. Those of `In` ascend by key.
  const std::vector<Operand>& operands() const { return operands_; }
  bool has_low() const { return has_low_; }
  bool low_inclusive() const { return low_inclusive_; }
  bool high_inclusive() const { return high_inclusive_; }

 private:
  bool is_in(const std::optional<ValueView>& value) const;
  bool is_in_range(const std::optional<ValueView>& value) const;
  bool matches_text(const std::optional<ValueView>& value) const;
  bool matches_contents(const std::optional<ValueView>& value) const;

  PredicateKind kind_;
  bool has_low_ = false;
  bool low_inclusive_ = false;
  bool high_inclusive_ = false;
  std::vector<Operand> operands_;
  std::vector<LikePattern> patterns_;
};

}  // namespace topgun::query
