#include "core/dataflow/backlog.hpp"

#include <doctest/doctest.h>

namespace topgun::dataflow {
namespace {

using Kind = Edit::Kind;

TEST_CASE("backlog: a row that is updated again and again is told once") {
  Backlog backlog;
  for (int i = 0; i < 1000; ++i) backlog.add({{Kind::Update, 7, 3, 3}}, 10);
  const Backlog::Steps steps = backlog.take();
  CHECK(steps.edits == std::vector<Edit>{{Kind::Update, 7, 3, 3}});
  CHECK(backlog.empty());
}

TEST_CASE("backlog: an update in another place is another step") {
  Backlog backlog;
  backlog.add({{Kind::Update, 7, 3, 3}, {Kind::Leave, 1, 0, 0}, {Kind::Update, 7, 2, 2}}, 10);
  CHECK(backlog.take().edits.size() == 3);
}

TEST_CASE("backlog: more steps than rows become one answer") {
  Backlog backlog;
  size_t most = 0;
  for (int i = 0; i < 10'000; ++i) {
    backlog.add({{Kind::Move, 7, 0, 9}}, 100);
    most = std::max(most, backlog.memory_bytes());
  }
  CHECK(most < 256 * sizeof(Edit));
  const Backlog::Steps steps = backlog.take();
  CHECK(steps.needs_answer);
  CHECK(steps.edits.empty());
  // From there on, steps count again.
  backlog.add({{Kind::Leave, 7, 0, 0}}, 100);
  CHECK_FALSE(backlog.empty());
  CHECK_FALSE(backlog.take().needs_answer);
}

TEST_CASE("backlog: a group has one step, from what was known of it to what is") {
  using GroupKind = GroupEdit::Kind;
  struct Case {
    const char* name;
    std::vector<GroupKind> kinds;
    std::optional<GroupKind> left;
  };
  const Case cases[] = {
      {"came and went", {GroupKind::Enter, GroupKind::Leave}, std::nullopt},
      {"came and changed", {GroupKind::Enter, GroupKind::Update}, GroupKind::Enter},
      {"changed and went", {GroupKind::Update, GroupKind::Leave}, GroupKind::Leave},
      {"went and came", {GroupKind::Leave, GroupKind::Enter}, GroupKind::Update},
      {"went, came and went",
       {GroupKind::Leave, GroupKind::Enter, GroupKind::Leave},
       GroupKind::Leave},
      {"changed twice", {GroupKind::Update, GroupKind::Update}, GroupKind::Update},
  };
  for (const Case& c : cases) {
    CAPTURE(c.name);
    Backlog backlog;
    uint8_t value = 0;
    for (const GroupKind kind : c.kinds) backlog.add({{kind, {1}, {++value}}});
    const Backlog::Steps steps = backlog.take();
    REQUIRE(steps.groups.size() == (c.left ? 1u : 0u));
    if (!c.left) continue;
    CHECK(steps.groups[0].kind == *c.left);
    CHECK(steps.groups[0].group == Bytes{value});
  }
}

}  // namespace
}  // namespace topgun::dataflow
