#include "core/query/joiner.hpp"

#include <algorithm>

#include "core/base/hash.hpp"
#include "core/query/planner.hpp"
#include "core/value/utf8.hpp"

namespace topgun::query {
namespace {

/// Of an attribute nobody counted, about so many rows have one value.
constexpr double kEqualShare = 0.01;

bool can_pair(const std::optional<ValueView>& value) { return value && !value->is_nil(); }

size_t find_term(const std::vector<JoinTerm>& terms, const Attribute& attribute) {
  const auto found = std::find_if(terms.begin(), terms.end(),
                                  [&](const JoinTerm& term) { return term.own == attribute; });
  return static_cast<size_t>(found - terms.begin());
}

/// The terms that an index answers, in the order of its parts; none if it does not serve.
std::vector<uint8_t> covered_terms(const Index& index, const std::vector<JoinTerm>& terms) {
  std::vector<uint8_t> covered;
  const bool is_hash = index.kind() == IndexKind::Hash || index.kind() == IndexKind::Unique;
  if (!is_hash && index.kind() != IndexKind::Ordered) return covered;
  for (const IndexPart& part : index.definition().parts) {
    const size_t term = find_term(terms, part.attribute);
    if (term < terms.size()) {
      covered.push_back(static_cast<uint8_t>(term));
    } else if (is_hash) {
      return {};
    } else {
      break;
    }
  }
  return covered;
}

std::vector<uint8_t> open_terms(const JoinStep& step) {
  std::vector<uint8_t> open;
  for (size_t i = 0; i < step.terms.size(); ++i) {
    const auto term = static_cast<uint8_t>(i);
    const auto& known = step.key_terms;
    if (std::find(known.begin(), known.end(), term) == known.end()) open.push_back(term);
  }
  return open;
}

}  // namespace

uint32_t free_sides(const std::vector<Join>& joins) {
  uint32_t free = 1;
  for (size_t i = 0; i < joins.size(); ++i) {
    const bool is_free =
        joins[i].kind == JoinKind::Inner &&
        std::all_of(joins[i].on.begin(), joins[i].on.end(),
                    [&](const JoinPair& pair) { return (free >> pair.left.side & 1) != 0; });
    if (is_free) free |= uint32_t{2} << i;
  }
  return free;
}

Result<Joiner> Joiner::make(const std::vector<Join>& joins, std::vector<Collection*> sides,
                            std::vector<Predicate> conditions) {
  TG_ASSERT(sides.size() == joins.size() + 1);
  Joiner joiner(joins, std::move(sides));
  joiner.conditions_ = std::move(conditions);
  joiner.pairs_.resize(joiner.sides());
  for (size_t side = 0; side < joiner.sides(); ++side) {
    AttributeTable& attributes = joiner.sides_[side]->attributes();
    auto matcher = Matcher::make(joiner.conditions_[side], attributes);
    if (!matcher.ok()) return matcher.error();
    joiner.asked_.push_back(matcher->attributes());
    joiner.matchers_.push_back(std::move(*matcher));
    joiner.readers_.emplace_back(attributes);

    Query own;
    own.where = joiner.conditions_[side];
    const auto plan = make_plan(own, *joiner.sides_[side]);
    if (!plan.ok()) return plan.error();
    const auto rows = static_cast<double>(std::max<size_t>(joiner.sides_[side]->rows().size(), 1));
    const double passing = plan->residual.kind == PredicateKind::True ? 1 : 0.25;
    joiner.share_.push_back(passing * static_cast<double>(plan->found_rows) / rows);

    joiner.free_.push_back((free_sides(joins) >> side & 1) != 0);
    if (side > 0) {
      for (const JoinPair& on : joins[side - 1].on) {
        const uint8_t left_side = on.left.side;
        const auto left = joiner.sides_[left_side]->attributes().intern(on_side(0, on.left));
        if (!left.ok()) return left.error();
        const auto right = attributes.intern(on.right);
        if (!right.ok()) return right.error();
        joiner.pairs_[side].push_back({left_side, *left, *right});
        joiner.asked_[left_side].push_back(*left);
        joiner.asked_[side].push_back(*right);
      }
    }
  }
  return joiner;
}

// --- routes ---

/// The pairs between a side and those that are there.
void Joiner::add_terms(uint8_t side, uint32_t placed, std::vector<JoinTerm>& terms) const {
  const auto is_there = [&](size_t other) { return (placed >> other & 1) != 0; };
  for (size_t i = 0; i < pairs_[side].size(); ++i) {
    const Pair& pair = pairs_[side][i];
    if (!is_there(pair.left_side)) continue;
    terms.push_back({joins_[side - 1].on[i].right, pair.right, pair.left_side, pair.left});
  }
  if (!free_[side]) return;
  for (size_t other = 1; other < sides(); ++other) {
    if (!is_there(other) || !free_[other]) continue;
    for (size_t i = 0; i < pairs_[other].size(); ++i) {
      const Pair& pair = pairs_[other][i];
      if (pair.left_side != side) continue;
      terms.push_back({on_side(0, joins_[other - 1].on[i].left), pair.left,
                       static_cast<uint8_t>(other), pair.right});
    }
  }
}

/// From a side that is not free to the one that its first pair refers to.
std::vector<JoinTerm> Joiner::terms_back(uint8_t side) const {
  std::vector<JoinTerm> terms;
  const uint8_t to = pairs_[side][0].left_side;
  for (size_t i = 0; i < pairs_[side].size(); ++i) {
    const Pair& pair = pairs_[side][i];
    if (pair.left_side != to) continue;
    terms.push_back({on_side(0, joins_[side - 1].on[i].left), pair.left, side, pair.right});
  }
  return terms;
}

bool Joiner::can_place(uint8_t side, uint32_t placed) const {
  if ((placed >> side & 1) != 0) return false;
  if (!free_[side]) {
    return std::all_of(pairs_[side].begin(), pairs_[side].end(),
                       [&](const Pair& pair) { return (placed >> pair.left_side & 1) != 0; });
  }
  std::vector<JoinTerm> terms;
  add_terms(side, placed, terms);
  return !terms.empty();
}

void Joiner::choose_way(JoinStep& step) const {
  find_way(step);
  step.open_terms = open_terms(step);
}

void Joiner::find_way(JoinStep& step) const {
  const Collection& collection = *sides_[step.side];
  const auto rows = static_cast<double>(collection.rows().size());
  const size_t key = find_term(step.terms, record_key());
  step.rows_each = std::max(rows * kEqualShare, 1.0);
  if (key < step.terms.size()) {
    step.way = JoinStep::Way::Key;
    step.key_terms = {static_cast<uint8_t>(key)};
    step.rows_each = 1;
    return;
  }
  for (const auto& index : collection.indexes()) {
    if (!collection.is_ready(*index)) continue;
    std::vector<uint8_t> covered = covered_terms(*index, step.terms);
    if (covered.empty()) continue;
    const HashIndex* const hash = index->as_hash();
    const bool is_better = covered.size() > step.key_terms.size() ||
                           (covered.size() == step.key_terms.size() && hash != nullptr &&
                            step.index->as_hash() == nullptr);
    if (!is_better) continue;
    step.way = JoinStep::Way::Index;
    step.index = index.get();
    step.key_terms = std::move(covered);
    step.rows_each = hash != nullptr
                         ? rows / static_cast<double>(std::max<size_t>(hash->distinct(), 1))
                         : std::max(rows * kEqualShare, 1.0);
  }
}

JoinRoute Joiner::route_from(uint8_t start) const {
  TG_ASSERT(free_[start]);
  static constexpr CostTable kCosts;
  JoinRoute route;
  route.start = start;
  route.rows = static_cast<double>(sides_[start]->rows().size()) * share_[start];
  uint32_t placed = uint32_t{1} << start;
  while (route.steps.size() + 1 < sides()) {
    std::optional<JoinStep> best;
    double best_factor = 0;
    for (uint8_t side = 0; side < sides(); ++side) {
      if (!can_place(side, placed)) continue;
      JoinStep step;
      step.side = side;
      step.kind = side == 0 ? JoinKind::Inner : joins_[side - 1].kind;
      add_terms(side, placed, step.terms);
      choose_way(step);
      const bool only_decides = step.kind >= JoinKind::Semi;
      double factor = only_decides ? 0.5 : step.rows_each * share_[side];
      if (step.kind == JoinKind::Left) factor = std::max(factor, 1.0);
      if (best && factor >= best_factor) continue;
      best = std::move(step);
      best_factor = factor;
    }
    TG_ASSERT(best.has_value());
    const double looked_at = best->kind >= JoinKind::Semi ? 1 : best->rows_each;
    route.cost_ns += route.rows * (kCosts.probe_ns + looked_at * kCosts.fetch_ns);
    if (best->way == JoinStep::Way::Hash) {
      route.cost_ns += static_cast<double>(sides_[best->side]->rows().size()) *
                       (kCosts.probe_ns + kCosts.match_ns);
    }
    route.rows *= best_factor;
    placed |= uint32_t{1} << best->side;
    route.steps.push_back(std::move(*best));
  }
  return route;
}

Result<void> Joiner::make_hashes(JoinRoute& route) {
  for (JoinStep& step : route.steps) {
    if (step.way != JoinStep::Way::Hash) continue;
    IndexDefinition definition = {"join", IndexKind::Hash, {}};
    // The terms beyond an index's parts are looked at row by row.
    for (const JoinTerm& term : step.terms) {
      if (definition.parts.size() == kIndexPartsMax) break;
      step.key_terms.push_back(static_cast<uint8_t>(definition.parts.size()));
      definition.parts.push_back({term.own});
    }
    auto index = make_index(definition, sides_[step.side]->attributes());
    if (!index.ok()) return index.error();
    step.open_terms = open_terms(step);
    step.made = std::move(*index);
    step.index = step.made.get();
    const Collection& collection = *sides_[step.side];
    collection.all().for_each([&](RowId row) {
      const RowView view = collection.rows().view(row);
      if (matchers_[step.side].matches(view)) step.made->add(row, view);
    });
  }
  return {};
}

std::vector<Joiner::MissingIndex> Joiner::missing_indexes() const {
  std::vector<MissingIndex> missing;
  const auto need = [&](uint8_t side, std::vector<JoinTerm> terms) {
    JoinStep step;
    step.side = side;
    step.terms = std::move(terms);
    choose_way(step);
    const bool is_there = std::all_of(step.terms.begin(), step.terms.end(), [&](const auto& term) {
      return std::any_of(step.key_terms.begin(), step.key_terms.end(),
                         [&](uint8_t known) { return step.terms[known].own == term.own; });
    });
    if (is_there || step.way == JoinStep::Way::Key) return;
    IndexDefinition definition = {"", IndexKind::Hash, {}};
    Bytes attributes;
    ByteWriter writer(attributes);
    for (const JoinTerm& term : step.terms) {
      const auto is_same = [&](const IndexPart& part) { return part.attribute == term.own; };
      const auto& parts = definition.parts;
      if (std::any_of(parts.begin(), parts.end(), is_same)) continue;
      definition.parts.push_back({term.own});
      write_attribute(writer, term.own);
    }
    // Attributes may be longer than a name, and their texts are not unique.
    definition.name = kJoinIndexPrefix + std::to_string(hash64(attributes));
    missing.push_back({side, std::move(definition)});
  };
  for (uint8_t side = 1; side < sides(); ++side) {
    for (uint8_t other = 0; other < side; ++other) {
      std::vector<JoinTerm> there;
      std::vector<JoinTerm> back;
      for (size_t i = 0; i < pairs_[side].size(); ++i) {
        if (pairs_[side][i].left_side != other) continue;
        const JoinPair& on = joins_[side - 1].on[i];
        there.push_back({on.right, pairs_[side][i].right, other, pairs_[side][i].left});
        back.push_back({on_side(0, on.left), pairs_[side][i].left, side, pairs_[side][i].right});
      }
      if (there.empty()) continue;
      need(side, std::move(there));
      need(other, std::move(back));
    }
  }
  return missing;
}

Result<void> Joiner::choose_ways_back() {
  back_.assign(sides(), {});
  for (uint8_t side = 1; side < sides(); ++side) {
    if (free_[side]) continue;
    back_[side].side = pairs_[side][0].left_side;
    back_[side].terms = terms_back(side);
    choose_way(back_[side]);
    if (back_[side].way == JoinStep::Way::Hash) return Error::Internal;
  }
  return {};
}

// --- combinations ---

RowView Joiner::view_of(size_t side, RowId row) const {
  const bool is_past = past_ != nullptr && past_->row == row && past_->collection == sides_[side];
  return is_past ? past_->view : sides_[side]->rows().view(row);
}

std::optional<RowId> Joiner::find_key(size_t side, ByteView key) const {
  const bool is_past =
      past_ != nullptr && past_->collection == sides_[side] && equal_bytes(past_->view.key, key);
  return is_past ? past_->row : sides_[side]->find(key);
}

/// The step's key in `key_`; false if something in it is nil or missing.
bool Joiner::read_key(const JoinStep& step, const Run& run) {
  key_.clear();
  for (size_t part = 0; part < step.key_terms.size(); ++part) {
    const JoinTerm& term = step.terms[step.key_terms[part]];
    const RowView& other = run.views[term.other_side];
    if (other.is_absent()) return false;
    const auto value = readers_[term.other_side].read(other, term.other_id);
    if (!can_pair(value)) return false;
    if (step.way != JoinStep::Way::Key) {
      // Directions matter to ordered indexes alone.
      const Direction direction = step.index->kind() == IndexKind::Ordered
                                      ? step.index->definition().parts[part].direction
                                      : Direction::Ascending;
      append_ordered_key(key_, value, KeyForm::Query, direction);
    } else if (const auto text = value->as_text()) {
      key_ = to_bytes(as_bytes(*text));
    } else if (const auto bytes = value->as_binary(); bytes && !is_utf8(*bytes)) {
      key_ = to_bytes(*bytes);
    } else {
      return false;
    }
  }
  return true;
}

template <typename Visit>
void Joiner::find(const JoinStep& step, const Run& run, Visit&& visit) {
  if (!read_key(step, run)) return;
  if (step.way == JoinStep::Way::Key) {
    if (const auto row = find_key(step.side, key_)) visit(*row);
  } else if (const HashIndex* const hash = step.index->as_hash()) {
    hash->rows(key_).for_each_while(visit);
  } else {
    const Bytes prefix = key_;
    CountedTree::Cursor at = step.index->as_ordered()->tree().seek(prefix);
    for (; !at.at_end(); at.next()) {
      const ByteView key = at.key();
      if (key.size() < prefix.size() || !equal_bytes(key.first(prefix.size()), prefix)) return;
      if (!visit(at.row())) return;
    }
  }
}

bool Joiner::has_equal(const JoinTerm& term, uint8_t side, const RowView& own, const Run& run) {
  const RowView& other = run.views[term.other_side];
  if (other.is_absent()) return false;
  const auto value = readers_[term.other_side].read(other, term.other_id);
  if (!can_pair(value)) return false;
  other_key_.clear();
  append_ordered_key(other_key_, value);
  const size_t size = other_key_.size();
  append_ordered_key(other_key_, readers_[side].read(own, term.own_id));
  const ByteView both(other_key_);
  return equal_bytes(both.first(size), both.subspan(size));
}

/// Whether the row, to which the step's way led, goes with what is there.
bool Joiner::is_match(const JoinStep& step, RowId row, const Run& run) {
  const RowView own = view_of(step.side, row);
  for (const uint8_t term : step.open_terms) {
    if (!has_equal(step.terms[term], step.side, own, run)) return false;
  }
  // A table made for the query has no others.
  Matcher& matcher = matchers_[step.side];
  return step.made || matcher.is_always_true() || matcher.matches(own);
}

/// The same of any row.
bool Joiner::has_all_terms(const JoinStep& step, RowId row, const Run& run) {
  const RowView own = view_of(step.side, row);
  for (const JoinTerm& term : step.terms) {
    if (!has_equal(term, step.side, own, run)) return false;
  }
  return matchers_[step.side].matches(own);
}

bool Joiner::place(Run& run, size_t at) {
  if (at == run.route.steps.size()) return run.sink.take(run.rows);
  const JoinStep& step = run.route.steps[at];
  const bool only_decides = step.kind >= JoinKind::Semi;
  const bool is_one_of_interest = run.only.side == step.side;
  bool any = false;
  bool go_on = true;
  const auto take = [&](RowId row) {
    any = true;
    run.rows[step.side] = row;
    run.views[step.side] = view_of(step.side, row);
    go_on = place(run, at + 1);
    return go_on;
  };
  if (is_one_of_interest && !only_decides) {
    const bool is_there = sides_[step.side]->rows().contains(run.only.row);
    if (is_there && has_all_terms(step, run.only.row, run)) take(run.only.row);
  }
  if (!any && !(is_one_of_interest && step.kind == JoinKind::Inner)) {
    find(step, run, [&](RowId row) {
      if (!is_match(step, row, run)) return true;
      any = true;
      return only_decides || is_one_of_interest ? false : take(row);
    });
  }
  run.rows[step.side] = kNoRow;
  run.views[step.side] = {};
  switch (step.kind) {
    case JoinKind::Inner:
      return go_on;
    case JoinKind::Left:
    case JoinKind::Anti:
      return any ? go_on : place(run, at + 1);
    case JoinKind::Semi:
      return !any || place(run, at + 1);
  }
  return go_on;
}

bool Joiner::changes_links(const Collection& collection, const RowView& before,
                           const RowView& after) {
  for (size_t side = 0; side < sides(); ++side) {
    if (sides_[side] != &collection) continue;
    for (const AttributeId asked : asked_[side]) {
      const AttributeTable& table = sides_[side]->attributes();
      // A record keeps its key.
      if (table.is_key(asked)) continue;
      key_.clear();
      other_key_.clear();
      append_ordered_key(key_, table.read(before, asked), KeyForm::Exact);
      append_ordered_key(other_key_, table.read(after, asked), KeyForm::Exact);
      if (key_ != other_key_) return true;
    }
  }
  return false;
}

bool Joiner::expand(const JoinRoute& route, RowId start, Only only, CombinationSink& sink) {
  const RowView view = view_of(route.start, start);
  if (!matchers_[route.start].matches(view)) return true;
  Run run = {route, only, sink, {}, {}};
  run.rows.fill(kNoRow);
  run.rows[route.start] = start;
  run.views[route.start] = view;
  return place(run, 0);
}

void Joiner::trace_back(uint8_t side, const RowView& record, std::vector<Start>& starts) {
  if (!matchers_[side].matches(record)) return;
  const JoinStep& step = back_[side];
  struct NoSink final : CombinationSink {
    bool take(const Combination&) override { return false; }
  } sink;
  const JoinRoute no_route;
  Run run = {no_route, {}, sink, {}, {}};
  run.views[side] = record;
  std::vector<RowId> found;
  find(step, run, [&](RowId row) {
    if (is_match(step, row, run)) found.push_back(row);
    return true;
  });
  for (const RowId row : found) {
    if (free_[step.side]) {
      starts.push_back({step.side, row});
    } else {
      trace_back(step.side, view_of(step.side, row), starts);
    }
  }
}

}  // namespace topgun::query
