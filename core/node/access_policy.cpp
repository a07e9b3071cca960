#include "core/node/access_policy.hpp"

#include <algorithm>

#include "core/value/value_writer.hpp"

namespace topgun::node {

namespace {

constexpr std::string_view kSubjectPlaceholder = "{sub}";
constexpr std::string_view kEverybody = "*";
constexpr std::string_view kConditionStart = ":r(";
constexpr size_t kPathStepsMax = 16;

/// The text as an integer of at most 15 digits, which every reader of values holds exactly.
std::optional<int64_t> integer_of(std::string_view text) {
  const bool is_negative = text.starts_with('-');
  if (is_negative) text.remove_prefix(1);
  if (text.empty() || text.size() > 15) return std::nullopt;
  int64_t value = 0;
  for (const char digit : text) {
    if (digit < '0' || digit > '9') return std::nullopt;
    value = value * 10 + (digit - '0');
  }
  return is_negative ? -value : value;
}

bool has_role(const Principal& principal, std::string_view role) {
  return role == kEverybody ||
         std::find(principal.roles.begin(), principal.roles.end(), role) != principal.roles.end();
}

}  // namespace

Result<RuleAccessPolicy> RuleAccessPolicy::parse(std::span<const std::string> rules) {
  if (rules.size() > kRulesMax) return Error::TooLarge;
  RuleAccessPolicy policy;
  for (const std::string_view text : rules) {
    if (text.size() > kRuleBytesMax) return Error::TooLarge;
    const size_t role_end = text.find(':');
    // Values of conditions may contain colons.
    const size_t condition = text.ends_with(')') ? text.rfind(kConditionStart) : text.npos;
    const size_t pattern_end = condition != text.npos ? condition : text.rfind(':');
    if (role_end == text.npos || pattern_end <= role_end) return Error::InvalidArgument;
    const std::string_view pattern = text.substr(role_end + 1, pattern_end - role_end - 1);
    std::string_view access = text.substr(pattern_end + 1);
    if (role_end == 0 || pattern.empty()) return Error::InvalidArgument;
    Rule rule{std::string(text.substr(0, role_end)), parse_pattern(pattern), access == "rw", {}};
    if (condition != text.npos) {
      access.remove_prefix(kConditionStart.size() - 1);
      access.remove_suffix(1);
      Result<std::vector<Condition>> conditions = parse_conditions(access);
      if (!conditions.ok()) return conditions.error();
      rule.conditions = std::move(*conditions);
    } else if (access != "r" && access != "rw") {
      return Error::InvalidArgument;
    }
    policy.rules_.push_back(std::move(rule));
  }
  return policy;
}

Result<std::vector<RuleAccessPolicy::Condition>> RuleAccessPolicy::parse_conditions(
    std::string_view text) {
  std::vector<Condition> conditions;
  while (true) {
    const size_t end = std::min(text.find('&'), text.size());
    Result<Condition> condition = parse_condition(text.substr(0, end));
    if (!condition.ok()) return condition.error();
    conditions.push_back(std::move(*condition));
    if (end == text.size()) return conditions;
    text.remove_prefix(end + 1);
  }
}

Result<RuleAccessPolicy::Condition> RuleAccessPolicy::parse_condition(std::string_view text) {
  const size_t path_end = text.find('=');
  if (path_end == text.npos) return Error::InvalidArgument;
  Condition condition;
  std::string_view path = text.substr(0, path_end);
  while (true) {
    const size_t end = std::min(path.find('.'), path.size());
    if (end == 0 || condition.equals.path.size() == kPathStepsMax) return Error::InvalidArgument;
    condition.equals.path.emplace_back(path.substr(0, end));
    if (end == path.size()) break;
    path.remove_prefix(end + 1);
  }
  std::string_view value = text.substr(path_end + 1);
  condition.is_subject = value == kSubjectPlaceholder;
  if (condition.is_subject) return condition;
  ValueWriter writer(condition.equals.value);
  const std::optional<int64_t> integer = integer_of(value);
  if (value.size() >= 2 && value.front() == '"' && value.back() == '"') {
    value.remove_prefix(1);
    value.remove_suffix(1);
    writer.text(value);
  } else if (value.empty()) {
    return Error::InvalidArgument;
  } else if (value == "true" || value == "false") {
    writer.boolean(value == "true");
  } else if (value == "null") {
    writer.nil();
  } else if (integer) {
    writer.integer(*integer);
  } else {
    writer.text(value);
  }
  return condition;
}

std::vector<RuleAccessPolicy::Part> RuleAccessPolicy::parse_pattern(std::string_view text) {
  std::vector<Part> parts;
  while (!text.empty()) {
    if (text.front() == '*') {
      parts.push_back({Part::Kind::AnyText, {}});
      text.remove_prefix(1);
    } else if (text.starts_with(kSubjectPlaceholder)) {
      parts.push_back({Part::Kind::Subject, {}});
      text.remove_prefix(kSubjectPlaceholder.size());
    } else {
      size_t end = text.find('*');
      end = std::min(end, text.find(kSubjectPlaceholder));
      end = std::min(end, text.size());
      parts.push_back({Part::Kind::Literal, std::string(text.substr(0, end))});
      text.remove_prefix(end);
    }
  }
  return parts;
}

/// Fixed text is matched where it stands; after a star, at its first occurrence. Going back to the
/// latest star on a mismatch is enough, since an earlier star could only give less room.
bool RuleAccessPolicy::matches(const std::vector<Part>& pattern, std::string_view subject,
                               std::string_view name) {
  size_t part = 0;
  size_t at = 0;
  size_t star = pattern.size();
  size_t star_at = 0;
  while (part < pattern.size() || at < name.size()) {
    if (part < pattern.size() && pattern[part].kind == Part::Kind::AnyText) {
      star = part++;
      star_at = at;
      continue;
    }
    if (part < pattern.size()) {
      const bool is_subject = pattern[part].kind == Part::Kind::Subject;
      const std::string_view fixed = is_subject ? subject : std::string_view(pattern[part].literal);
      if (fixed.empty()) return false;
      if (name.substr(at).starts_with(fixed)) {
        at += fixed.size();
        ++part;
        continue;
      }
    }
    if (star == pattern.size() || star_at >= name.size()) return false;
    at = ++star_at;
    part = star + 1;
  }
  return true;
}

ReadAccess RuleAccessPolicy::read_access(const Principal& principal, std::string_view map) const {
  ReadAccess access;
  for (const Rule& rule : rules_) {
    if (!has_role(principal, rule.role)) continue;
    if (!matches(rule.pattern, principal.subject, map)) continue;
    if (rule.conditions.empty()) return {true, {}};
    std::vector<FieldEquals> conditions;
    bool can_hold = true;
    for (const Condition& condition : rule.conditions) {
      conditions.push_back(condition.equals);
      if (!condition.is_subject) continue;
      // Nobody in particular owns nothing.
      can_hold = can_hold && !principal.subject.empty();
      ValueWriter(conditions.back().value).text(principal.subject);
    }
    if (can_hold) access.any_of.push_back(std::move(conditions));
  }
  return access;
}

bool RuleAccessPolicy::allows(const Principal& principal, std::string_view map,
                              Permission permission) const {
  for (const Rule& rule : rules_) {
    if (permission == Permission::Write && !rule.may_write) continue;
    if (!rule.conditions.empty()) continue;
    if (!has_role(principal, rule.role)) continue;
    if (matches(rule.pattern, principal.subject, map)) return true;
  }
  return false;
}

}  // namespace topgun::node
