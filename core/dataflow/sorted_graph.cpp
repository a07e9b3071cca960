#include "core/dataflow/sorted_graph.hpp"

#include <algorithm>

#include "core/base/probe.hpp"

namespace topgun::dataflow {

using query::CountedTree;
using query::RowId;
using query::RowView;

namespace {

bool is_undone(const Edit& enter, const Edit& leave) {
  return enter.kind == Edit::Kind::Enter && leave.kind == Edit::Kind::Leave &&
         enter.row == leave.row && enter.to == leave.from;
}

/// Makes one step of what a row's removal and its insertion did to a window: the row that came in
/// at the end for it goes again, and what left one place to enter another has moved.
void settle(std::vector<Edit>& edits, size_t from, RowId changed) {
  for (size_t i = from; i + 1 < edits.size(); ++i) {
    if (!is_undone(edits[i], edits[i + 1])) continue;
    const auto at = edits.begin() + static_cast<ptrdiff_t>(i);
    edits.erase(at, at + 2);
    break;
  }
  if (edits.size() != from + 2) return;
  Edit& leave = edits[from];
  const Edit enter = edits[from + 1];
  if (leave.row != enter.row || leave.kind != Edit::Kind::Leave) return;
  edits.pop_back();
  if (leave.from != enter.to) {
    leave = {Edit::Kind::Move, leave.row, leave.from, enter.to};
  } else if (leave.row == changed) {
    leave = {Edit::Kind::Update, leave.row, enter.to, enter.to};
  } else {
    edits.pop_back();
  }
}

}  // namespace

Result<std::unique_ptr<Graph>> SortedGraph::make(const QueryTemplate& shape,
                                                 query::AttributeTable& attributes) {
  auto matcher = query::Matcher::make(shape.query.where, attributes);
  if (!matcher.ok()) return matcher.error();
  auto parameters = ParameterReader::make(shape.parameters, attributes);
  if (!parameters.ok()) return parameters.error();
  auto keys = query::SortKeys::make(query::effective_order(shape.query), attributes);
  if (!keys.ok()) return keys.error();
  return std::unique_ptr<Graph>(
      new SortedGraph(std::move(*matcher), std::move(*parameters), std::move(*keys)));
}

void SortedGraph::add(RowId row, const RowView& view) {
  if (read_key(new_, view)) tree_.insert(new_.key, row);
}

bool SortedGraph::read_key(Side& side, const RowView& row) {
  if (!matcher_.matches(row)) return false;
  side.key.clear();
  parameters_.append(side.key, row);
  side.argument_bytes = side.key.size();
  keys_.append(side.key, row);
  return true;
}

// --- subscriptions ---

void SortedGraph::subscribe(SubscriptionId id, const SubscriptionPlace& place) {
  std::vector<Window>& windows = groups_[std::string(as_text(place.arguments))].windows;
  const auto same = std::find_if(windows.begin(), windows.end(), [&](const Window& window) {
    return window.offset == place.offset && window.limit == place.limit;
  });
  Window& window = same == windows.end() ? windows.emplace_back() : *same;
  window.offset = place.offset;
  window.limit = place.limit;
  window.subscriptions.push_back(id);
  ++subscriptions_;
}

void SortedGraph::unsubscribe(SubscriptionId id, const SubscriptionPlace& place) {
  const auto group = groups_.find(as_text(place.arguments));
  TG_ASSERT(group != groups_.end());
  TG_ASSERT(!group->second.touched);
  std::vector<Window>& windows = group->second.windows;
  for (Window& window : windows) {
    subscriptions_ -= std::erase(window.subscriptions, id);
  }
  std::erase_if(windows, [](const Window& window) { return window.subscriptions.empty(); });
  if (windows.empty()) groups_.erase(group);
}

std::vector<RowId> SortedGraph::rows(const SubscriptionPlace& place) const {
  const auto [begin, end] = ranks(place.arguments);
  const size_t first = place.offset < end - begin ? begin + static_cast<size_t>(place.offset) : end;
  const size_t count =
      static_cast<size_t>(std::min<uint64_t>(end - first, place.limit.value_or(UINT64_MAX)));
  std::vector<RowId> rows;
  rows.reserve(count);
  CountedTree::Cursor cursor = tree_.at_rank(first);
  for (size_t i = 0; i < count; ++i, cursor.next()) rows.push_back(cursor.row());
  return rows;
}

std::pair<size_t, size_t> SortedGraph::ranks(ByteView arguments) const {
  if (arguments.empty()) return {0, tree_.size()};
  const auto end = query::prefix_end(arguments);
  return {tree_.rank(arguments), end ? tree_.rank(*end) : tree_.size()};
}

// --- a batch ---

void SortedGraph::read_side(Side& side, const std::optional<RowView>& row) {
  side.present = row && read_key(side, *row);
  side.group = nullptr;
  if (!side.present) return;
  const auto group = groups_.find(as_text(side.arguments()));
  if (group != groups_.end()) side.group = &group->second;
}

void SortedGraph::prepare(const std::optional<RowView>& before,
                          const std::optional<RowView>& after) {
  read_side(old_, before);
  read_side(new_, after);
}

void SortedGraph::change(RowId row) {
  for (const Side* side : {&old_, &new_}) {
    if (side->group != nullptr) touch(*side->group);
  }
  if (old_.present && new_.present && old_.key == new_.key) return update_in(old_, row);
  if (old_.present) remove_from(old_, row);
  if (new_.present) insert_into(new_, row);
  if (old_.group == nullptr || old_.group != new_.group) return;
  for (Window& window : old_.group->windows) settle(window.edits, window.mark, row);
}

void SortedGraph::touch(Group& group) {
  for (Window& window : group.windows) window.mark = window.edits.size();
  if (group.touched) return;
  group.touched = true;
  touched_.push_back(&group);
}

void SortedGraph::update_in(const Side& side, RowId row) {
  if (side.group == nullptr) return;
  const size_t begin = side.argument_bytes == 0 ? 0 : tree_.rank(side.arguments());
  const size_t rank = tree_.rank(side.key) - begin;
  for (Window& window : side.group->windows) {
    if (rank < window.offset || rank >= window.end()) continue;
    const auto at = static_cast<size_t>(rank - window.offset);
    window.edits.push_back({Edit::Kind::Update, row, at, at});
  }
}

/// Takes the row out of the tree. In a window that reaches behind it, all that follows moves up:
/// one row goes, itself or the one that leaves at the front, and one comes in at the end.
void SortedGraph::remove_from(const Side& side, RowId row) {
  if (side.group == nullptr) {
    tree_.erase(side.key);
    return;
  }
  const size_t key_rank = tree_.rank(side.key);
  tree_.erase(side.key);
  const auto [begin, end] = ranks(side.arguments());
  const size_t rank = key_rank - begin;
  const size_t count = end - begin;
  for (Window& window : side.group->windows) {
    if (rank >= window.end() || window.limit == uint64_t{0}) continue;
    const auto offset = static_cast<size_t>(window.offset);
    if (rank >= offset) {
      window.edits.push_back({Edit::Kind::Leave, row, rank - offset, 0});
    } else if (window.offset <= count) {
      window.edits.push_back({Edit::Kind::Leave, row_at(begin + offset - 1), 0, 0});
    } else {
      continue;
    }
    if (window.end() > count) continue;
    TG_SOMETIMES(rank >= offset, LiveWindowRefills);
    if (TG_MUTANT(64)) continue;
    const auto last = static_cast<size_t>(window.end() - 1);
    window.edits.push_back({Edit::Kind::Enter, row_at(begin + last), 0, last - offset});
  }
}

/// Puts the row into the tree: the other way round.
void SortedGraph::insert_into(const Side& side, RowId row) {
  tree_.insert(side.key, row);
  if (side.group == nullptr) return;
  const auto [begin, end] = ranks(side.arguments());
  const size_t rank = tree_.rank(side.key) - begin;
  const size_t count = end - begin;
  for (Window& window : side.group->windows) {
    if (rank >= window.end() || window.limit == uint64_t{0}) continue;
    const auto offset = static_cast<size_t>(std::min<uint64_t>(window.offset, count));
    if (window.end() < count) {
      const auto pushed = static_cast<size_t>(window.end());
      window.edits.push_back({Edit::Kind::Leave, row_at(begin + pushed), pushed - offset - 1, 0});
    }
    if (rank >= offset) {
      window.edits.push_back({Edit::Kind::Enter, row, 0, rank - offset});
    } else if (window.offset < count) {
      window.edits.push_back({Edit::Kind::Enter, row_at(begin + offset), 0, 0});
    }
  }
}

void SortedGraph::finish(LiveChanges& changes) {
  for (Group* const group : touched_) {
    group->touched = false;
    for (Window& window : group->windows) {
      if (window.edits.empty()) continue;
      changes.rows.push_back({window.subscriptions, std::move(window.edits)});
      window.edits = {};
    }
  }
  touched_.clear();
}

}  // namespace topgun::dataflow
