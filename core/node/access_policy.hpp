#pragma once

#include <span>
#include <string>
#include <vector>

#include "core/node/principal.hpp"

namespace topgun::node {

/// Access rules written as `role:pattern:r` or `role:pattern:rw`. A principal may do what any rule
/// for any of its roles allows; the role `*` stands for everybody, even without a role.
///
/// `role:pattern:r(field=value&...)` allows queries that see the records in which each field has
/// its value, and nothing else: such a map cannot be followed as a whole. A field may lie within
/// others (`owner.id`); a value is `{sub}`, the principal's subject; an integer, `true`, `false` or
/// `null`; or text, in `"` or as it stands.
///
/// In a pattern `*` stands for any text, also none, and `{sub}` for the principal's subject, letter
/// by letter: a `*` inside a subject is a star. A pattern with `{sub}` matches nothing for a
/// principal without a subject. The pattern may contain colons, the role may not.
class RuleAccessPolicy : public AccessPolicy {
 public:
  /// Most rules that a policy holds, and the length of each.
  static constexpr size_t kRulesMax = 1024;
  static constexpr size_t kRuleBytesMax = 1024;

  /// `InvalidArgument` for a rule that is not of that form, `TooLarge` beyond the limits.
  static Result<RuleAccessPolicy> parse(std::span<const std::string> rules);

  /// O(rules × length of the name) at worst.
  bool allows(const Principal& principal, std::string_view map,
              Permission permission) const override;
  ReadAccess read_access(const Principal& principal, std::string_view map) const override;

 private:
  struct Part {
    enum class Kind : uint8_t { Literal, AnyText, Subject };
    Kind kind;
    std::string literal;
  };
  struct Condition {
    FieldEquals equals;
    bool is_subject = false;  ///< Then the value is the principal's.
  };
  struct Rule {
    std::string role;
    std::vector<Part> pattern;
    bool may_write = false;
    std::vector<Condition> conditions;
  };

  static std::vector<Part> parse_pattern(std::string_view text);
  /// `InvalidArgument` if the text is no list of conditions.
  static Result<std::vector<Condition>> parse_conditions(std::string_view text);
  static Result<Condition> parse_condition(std::string_view text);
  static bool matches(const std::vector<Part>& pattern, std::string_view subject,
                      std::string_view name);

  std::vector<Rule> rules_;
};

}  // namespace topgun::node
