#include "core/node/access_policy.hpp"

#include <algorithm>

namespace topgun::node {

namespace {

constexpr std::string_view kSubjectPlaceholder = "{sub}";
constexpr std::string_view kEverybody = "*";

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
    const size_t pattern_end = text.rfind(':');
    if (role_end == std::string_view::npos || pattern_end == role_end)
      return Error::InvalidArgument;
    const std::string_view pattern = text.substr(role_end + 1, pattern_end - role_end - 1);
    const std::string_view access = text.substr(pattern_end + 1);
    if (role_end == 0 || pattern.empty()) return Error::InvalidArgument;
    if (access != "r" && access != "rw") return Error::InvalidArgument;
    policy.rules_.push_back(
        {std::string(text.substr(0, role_end)), parse_pattern(pattern), access == "rw"});
  }
  return policy;
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

bool RuleAccessPolicy::allows(const Principal& principal, std::string_view map,
                              Permission permission) const {
  for (const Rule& rule : rules_) {
    if (permission == Permission::Write && !rule.may_write) continue;
    if (!has_role(principal, rule.role)) continue;
    if (matches(rule.pattern, principal.subject, map)) return true;
  }
  return false;
}

}  // namespace topgun::node
