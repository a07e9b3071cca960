#include "core/node/access_policy.hpp"

#include <doctest/doctest.h>

namespace topgun::node {
namespace {

RuleAccessPolicy policy(std::vector<std::string> rules) {
  auto parsed = RuleAccessPolicy::parse(rules);
  REQUIRE(parsed.ok());
  return std::move(parsed).value();
}

TEST_CASE("access_policy: patterns match as they are written") {
  struct Case {
    const char* pattern;
    const char* map;
    bool matches;
  };
  const Case cases[] = {
      {"todos", "todos", true},
      {"todos", "todo", false},
      {"todos", "todos2", false},
      {"*", "anything", true},
      {"todo*", "todo", true},
      {"todo*", "todos/1", true},
      {"*-log", "audit-log", true},
      {"*-log", "audit-logs", false},
      {"a*b*c", "a--b--b--c", true},
      {"a*b*c", "a--b--b--", false},
      {"a*b*c", "abc", true},
      {"**", "x", true},
      {"a*a", "a", false},
      {"user/{sub}", "user/ann", true},
      {"user/{sub}", "user/anna", false},
      {"user/{sub}/*", "user/ann/notes", true},
      {"user/{sub}/*", "user/bob/notes", false},
      {"*{sub}", "xx-ann", true},
      {"*{sub}*x", "ann-ann-x", true},
      {"a:b:*", "a:b:c", true},
  };
  const Principal ann{"ann", {"member"}, 0};
  for (const Case& c : cases) {
    CAPTURE(c.pattern);
    CAPTURE(c.map);
    const auto rules = policy({"member:" + std::string(c.pattern) + ":r"});
    CHECK(rules.allows(ann, c.map, Permission::Read) == c.matches);
  }
}

TEST_CASE("access_policy: reading does not include writing") {
  const auto rules = policy({"reader:*:r", "writer:*:rw"});
  const Principal reader{"r", {"reader"}, 0};
  const Principal writer{"w", {"writer"}, 0};
  CHECK(rules.allows(reader, "m", Permission::Read));
  CHECK_FALSE(rules.allows(reader, "m", Permission::Write));
  CHECK(rules.allows(writer, "m", Permission::Read));
  CHECK(rules.allows(writer, "m", Permission::Write));
}

TEST_CASE("access_policy: roles add up, and the star role is everybody's") {
  const auto rules = policy({"*:public/*:r", "editor:public/*:rw", "admin:private/*:rw"});
  const Principal nobody;
  const Principal both{"b", {"editor", "admin"}, 0};
  CHECK(rules.allows(nobody, "public/a", Permission::Read));
  CHECK_FALSE(rules.allows(nobody, "public/a", Permission::Write));
  CHECK_FALSE(rules.allows(nobody, "private/a", Permission::Read));
  CHECK(rules.allows(both, "public/a", Permission::Write));
  CHECK(rules.allows(both, "private/a", Permission::Write));
}

TEST_CASE("access_policy: a subject is text, never a pattern, and no subject matches nothing") {
  const auto rules = policy({"*:user/{sub}:rw"});
  const Principal star{"*", {}, 0};
  const Principal nobody;
  CHECK_FALSE(rules.allows(star, "user/ann", Permission::Read));
  CHECK(rules.allows(star, "user/*", Permission::Read));
  CHECK_FALSE(rules.allows(nobody, "user/", Permission::Read));
}

TEST_CASE("access_policy: a rule with conditions speaks of records, and of no map as a whole") {
  const auto rules =
      policy({R"(*:orders:r(owner.id={sub}&state=open))",
              R"(clerk:orders:r(n=-12&ok=true&gone=null&text="12:3"))", "admin:orders:rw"});
  const Principal ann{"ann", {}, 0};
  CHECK_FALSE(rules.allows(ann, "orders", Permission::Read));
  const ReadAccess own = rules.read_access(ann, "orders");
  REQUIRE(own.any_of.size() == 1);
  REQUIRE(own.any_of[0].size() == 2);
  CHECK(own.any_of[0][0].path == std::vector<std::string>{"owner", "id"});
  CHECK(own.any_of[0][0].value == Bytes{0xa3, 'a', 'n', 'n'});
  CHECK(own.any_of[0][1].value == Bytes{0xa4, 'o', 'p', 'e', 'n'});
  const ReadAccess both = rules.read_access({"bob", {"clerk"}, 0}, "orders");
  REQUIRE(both.any_of.size() == 2);
  CHECK(both.any_of[1][0].value == Bytes{0xf4});
  CHECK(both.any_of[1][1].value == Bytes{0xc3});
  CHECK(both.any_of[1][2].value == Bytes{0xc0});
  CHECK(both.any_of[1][3].value == Bytes{0xa4, '1', '2', ':', '3'});
  CHECK(rules.read_access({"root", {"admin"}, 0}, "orders").all);
  CHECK(rules.read_access(Principal{}, "orders").nothing());
  CHECK(rules.read_access(ann, "others").nothing());
}

TEST_CASE("access_policy: without a rule nothing is allowed") {
  CHECK_FALSE(policy({}).allows({"a", {"admin"}, 0}, "m", Permission::Read));
}

TEST_CASE("access_policy: rules of another form are refused") {
  for (const char* text :
       {"", "role", "role:pattern", ":pattern:r", "role::r", "role:pattern:w",
        "role:pattern:", "role:pattern:rwx", "role:pattern:r()", "role:m:r(a)", "role:m:r(=1)",
        "role:m:r(a=)", "role:m:r(a..b=1)", "role:m:rw(a=1)", "role:r(a=1)"}) {
    CAPTURE(text);
    const std::vector<std::string> rules{text};
    const auto parsed = RuleAccessPolicy::parse(rules);
    REQUIRE_FALSE(parsed.ok());
    CHECK(parsed.error() == Error::InvalidArgument);
  }
  const std::vector<std::string> many(RuleAccessPolicy::kRulesMax + 1, "a:b:r");
  CHECK(RuleAccessPolicy::parse(many).error() == Error::TooLarge);
  const std::vector<std::string> lengthy{"a:" + std::string(RuleAccessPolicy::kRuleBytesMax, 'b') +
                                         ":r"};
  CHECK(RuleAccessPolicy::parse(lengthy).error() == Error::TooLarge);
}

}  // namespace
}  // namespace topgun::node
