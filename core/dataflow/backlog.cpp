#include "core/dataflow/backlog.hpp"

#include <algorithm>

namespace topgun::dataflow {

void Backlog::add(const std::vector<Edit>& edits, size_t answer_rows) {
  if (needs_answer_) return;
  for (const Edit& edit : edits) {
    if (edit.kind != Edit::Kind::Update) {
      updated_ = {};
    } else if (!updated_.add(edit.row)) {
      continue;
    }
    edits_.push_back(edit);
  }
  if (edits_.size() <= std::max(kStepsMin, answer_rows)) return;
  needs_answer_ = true;
  edits_ = {};
  updated_ = {};
}

void Backlog::add(const std::vector<GroupEdit>& edits) {
  using Kind = GroupEdit::Kind;
  for (const GroupEdit& edit : edits) {
    const auto [known, is_new] = groups_.emplace(edit.key, edit);
    if (is_new) continue;
    GroupEdit& pending = known->second;
    if (pending.kind == Kind::Enter && edit.kind == Kind::Leave) {
      groups_.erase(known);
      continue;
    }
    // What the subscriber has does not change: it knows of the group, or it does not.
    const bool comes_back = pending.kind == Kind::Leave && edit.kind == Kind::Enter;
    const Kind kind = comes_back                    ? Kind::Update
                      : pending.kind == Kind::Enter ? Kind::Enter
                                                    : edit.kind;
    pending = edit;
    pending.kind = kind;
  }
}

Backlog::Steps Backlog::take() {
  Steps steps;
  steps.needs_answer = needs_answer_;
  steps.edits = std::move(edits_);
  for (auto& [key, edit] : groups_) steps.groups.push_back(std::move(edit));
  needs_answer_ = false;
  edits_ = {};
  updated_ = {};
  groups_.clear();
  return steps;
}

}  // namespace topgun::dataflow
