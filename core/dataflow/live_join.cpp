#include "core/dataflow/live_join.hpp"

#include <algorithm>
#include <cstring>

#include "core/base/probe.hpp"
#include "core/base/stable_sort.hpp"
#include "core/query/join_executor.hpp"

namespace topgun::dataflow {

using query::Collection;
using query::Combination;
using query::Joiner;
using query::kNoRow;
using query::RowId;
using query::RowView;
using query::Write;

namespace {

class Gather final : public query::CombinationSink {
 public:
  explicit Gather(std::vector<Combination>& found) : found_(found) {}
  bool take(const Combination& rows) override {
    found_.push_back(rows);
    return true;
  }

 private:
  std::vector<Combination>& found_;
};

/// A key that is there, if only as an empty one.
RowView record_of(ByteView key, ByteView value) {
  static constexpr uint8_t kNoBytes[1] = {};
  return {key.empty() ? ByteView(kNoBytes).first(0) : key, value};
}

query::PastRow past_of(const Collection& collection, std::optional<RowId> row, const Write& write) {
  query::PastRow past;
  past.collection = &collection;
  past.row = row.value_or(kNoRow);
  if (write.before) past.view = record_of(write.key, *write.before);
  return past;
}

}  // namespace

Result<std::unique_ptr<LiveJoin>> LiveJoin::make(const std::vector<query::Join>& joins,
                                                 const std::vector<Collection*>& sides,
                                                 uint64_t combinations_max) {
  std::vector<query::Predicate> conditions(1);
  for (const query::Join& join : joins) conditions.push_back(join.where);
  auto joiner = Joiner::make(joins, sides, std::move(conditions));
  if (!joiner.ok()) return joiner.error();
  std::unique_ptr<LiveJoin> join(new LiveJoin(joins, sides, std::move(*joiner)));
  if (const auto filled = join->fill(combinations_max); !filled.ok()) return filled.error();
  return join;
}

Result<void> LiveJoin::fill(uint64_t combinations_max) {
  if (const auto chosen = joiner_.choose_ways_back(); !chosen.ok()) return chosen.error();
  for (uint8_t side = 0; side < joiner_.sides(); ++side) {
    routes_.push_back(joiner_.is_free(side) ? joiner_.route_from(side) : query::JoinRoute{});
    for (const query::JoinStep& step : routes_.back().steps) {
      if (step.way == query::JoinStep::Way::Hash) return Error::Internal;
    }
  }
  class Fill final : public query::CombinationSink {
   public:
    Fill(LiveJoin& join, uint64_t max) : join_(join), max_(max) {}
    bool take(const Combination& rows) override {
      join_.numbers_.acquire(join_.key_of(rows));
      return join_.numbers_.size() < max_;
    }

   private:
    LiveJoin& join_;
    uint64_t max_;
  } sink(*this, combinations_max);
  bool goes_on = true;
  joiner_.collection(0).all().for_each_while([&](RowId row) {
    goes_on = joiner_.expand(routes_[0], row, {}, sink);
    return goes_on;
  });
  if (!goes_on) return Error::LimitExceeded;
  return {};
}

void LiveJoin::feed(Graph& graph) {
  for (RowId number = 0; number < numbers_.code_end(); ++number) {
    if (numbers_.contains(number)) graph.add(number, view(number));
  }
}

ByteView LiveJoin::key_of(const Combination& rows) const {
  return {reinterpret_cast<const uint8_t*>(rows.data()), joiner_.sides() * sizeof(RowId)};
}

RowId LiveJoin::number_of(const Combination& rows) const {
  const auto number = numbers_.find(key_of(rows));
  TG_ASSERT(number.has_value());
  return *number;
}

Combination LiveJoin::combination(RowId number) const {
  Combination rows;
  rows.fill(kNoRow);
  const ByteView key = numbers_.key(number);
  std::memcpy(rows.data(), key.data(), key.size());
  return rows;
}

RowView LiveJoin::view(RowId number) { return joined_.view(combination(number)); }

RowView LiveJoin::records(RowId number) {
  const RowView no_key;
  return joined_.view(combination(number), nullptr, &no_key);
}

// --- a write ---

/// Rows from which to come to the combinations that the record may decide on from sides that are
/// not free: by what it was and by what it will be, so that both runs look at the same.
void LiveJoin::find_starts(const Collection& collection, const Write& write) {
  starts_.clear();
  for (uint8_t side = 0; side < joiner_.sides(); ++side) {
    if (joiner_.is_free(side) || &joiner_.collection(side) != &collection) continue;
    std::vector<Joiner::Start> found;
    if (write.before) joiner_.trace_back(side, record_of(write.key, *write.before), found);
    if (write.after) joiner_.trace_back(side, record_of(write.key, *write.after), found);
    const auto is_below = [](const Joiner::Start& a, const Joiner::Start& b) {
      return a.side != b.side ? a.side < b.side : a.row < b.row;
    };
    const auto is_same = [](const Joiner::Start& a, const Joiner::Start& b) {
      return a.side == b.side && a.row == b.row;
    };
    stable_sort(found, is_below);
    found.erase(std::unique(found.begin(), found.end(), is_same), found.end());
    for (const Joiner::Start& at : found) starts_.push_back({at, side});
  }
}

void LiveJoin::find_combinations(const Collection& collection, std::optional<RowId> row,
                                 std::vector<Combination>& found) {
  found.clear();
  Gather sink(found);
  for (uint8_t side = 0; row && side < joiner_.sides(); ++side) {
    if (!joiner_.is_free(side) || &joiner_.collection(side) != &collection) continue;
    joiner_.expand(routes_[side], *row, {}, sink);
  }
  for (const Start& start : starts_) {
    // The record itself as a start has been dealt with, or is gone.
    const Collection& first = joiner_.collection(start.at.side);
    if (!first.rows().contains(start.at.row)) continue;
    joiner_.expand(routes_[start.at.side], start.at.row, {start.side, row.value_or(kNoRow)}, sink);
  }
  if (found.size() < 2) return;
  stable_sort(found);
  found.erase(std::unique(found.begin(), found.end()), found.end());
}

void LiveJoin::prepare(const Collection& collection, const Write& write) {
  query::PastRow past = past_of(collection, write.row, write);
  if (write.before) {
    // Until the write is applied the rows know where the fields of the value are.
    const RowView known = collection.rows().view(*write.row);
    past.view.shape = known.shape;
    past.view.offsets = known.offsets;
  }
  has_same_links_ =
      write.before && write.after &&
      !joiner_.changes_links(collection, past.view, record_of(write.key, *write.after));
  if (write.row) joiner_.see(&past);
  find_starts(collection, write);
  find_combinations(collection, write.row, before_);
  joiner_.see(nullptr);
}

void LiveJoin::change(const Collection& collection, RowId row, const Write& write) {
  const query::PastRow past = past_of(collection, row, write);
  if (has_same_links_) {
    for (const Combination& rows : before_) {
      if (has_row(rows, collection, row)) tell(&rows, &rows, past);
    }
    return;
  }
  const std::optional<RowId> there = write.after ? std::optional<RowId>(row) : std::nullopt;
  find_combinations(collection, there, after_);
  auto old = before_.begin();
  auto now = after_.begin();
  while (old != before_.end() || now != after_.end()) {
    if (now == after_.end() || (old != before_.end() && *old < *now)) {
      tell(&*old++, nullptr, past);
    } else if (old == before_.end() || *now < *old) {
      TG_SOMETIMES((*now)[0] != row, LivePartnerComes);
      tell(nullptr, &*now++, past);
    } else {
      if (has_row(*old, collection, row)) tell(&*old, &*now, past);
      ++old;
      ++now;
    }
  }
}

bool LiveJoin::has_row(const Combination& rows, const Collection& collection, RowId row) const {
  for (size_t side = 0; side < joiner_.sides(); ++side) {
    if (rows[side] == row && &joiner_.collection(side) == &collection) return true;
  }
  return false;
}

void LiveJoin::tell(const Combination* before, const Combination* after,
                    const query::PastRow& past) {
  std::optional<RowView> old_view;
  std::optional<RowView> new_view;
  if (before != nullptr) old_view = joined_.view(*before, &past);
  // What is told as changed is one combination.
  if (after != nullptr) new_view = joined_.view(*after, nullptr, old_view ? &*old_view : nullptr);
  const RowId number = before != nullptr ? number_of(*before) : numbers_.acquire(key_of(*after));
  graphs_.prepare(old_view, new_view);
  graphs_.change(number);
  if (after == nullptr) gone_.push_back(number);
}

void LiveJoin::release() {
  for (const RowId number : gone_) numbers_.release(number);
  gone_.clear();
}

// --- upkeep ---

bool LiveJoin::uses(const query::Index& index) const {
  const auto is_used = [&](const query::JoinStep& step) { return step.index == &index; };
  for (const query::JoinRoute& route : routes_) {
    if (std::any_of(route.steps.begin(), route.steps.end(), is_used)) return true;
  }
  const auto& back = joiner_.ways_back();
  return std::any_of(back.begin(), back.end(), is_used);
}

size_t LiveJoin::memory_bytes() const {
  return numbers_.memory_bytes() + gone_.capacity() * sizeof(RowId) + graphs_.memory_bytes() +
         (before_.capacity() + after_.capacity()) * sizeof(Combination);
}

}  // namespace topgun::dataflow
