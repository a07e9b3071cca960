#include "core/query/planner.hpp"

#include <algorithm>
#include <cmath>

#include "core/base/stable_sort.hpp"

namespace topgun::query {
namespace {

/// Of a test nobody counted, about so many rows pass.
constexpr double kUnknownShare = 0.25;

Predicate conjunction(std::vector<Predicate> conjuncts) {
  if (conjuncts.size() == 1) return std::move(conjuncts[0]);
  return conjuncts.empty() ? Predicate{} : all_of(std::move(conjuncts));
}

/// Makes all the plans there are, and picks one.
class Planner {
 public:
  Planner(const Query& query, const Collection& collection, const CostTable& costs)
      : query_(query),
        collection_(collection),
        costs_(costs),
        rows_(static_cast<double>(collection.rows().size())),
        order_(effective_order(query)) {
    choice_.collection = &collection;
    choice_.forbidden = &query.hints.no_index;
    if (query.where.kind == PredicateKind::And) {
      conjuncts_ = query.where.children;
    } else if (query.where.kind != PredicateKind::True) {
      conjuncts_ = {query.where};
    }
  }

  Result<Plan> run() {
    if (const auto hints = check_hints(); !hints.ok()) return hints.error();
    if (query_.where.kind == PredicateKind::False || query_.limit == uint64_t{0}) {
      Plan plan;
      plan.access = Access::Nothing;
      plan.counted = true;
      return plan;
    }
    find_sets();
    estimate_matches();
    const Hints& hints = query_.hints;
    const bool is_free = hints.use_index.empty() && hints.order_index.empty();
    if (is_free && !hints.force_scan) add_keys_plan();
    if (is_free) add_scan_plan();
    if (!hints.force_scan && hints.order_index.empty()) add_set_plans();
    if (!hints.force_scan && hints.use_index.empty()) add_walk_plans();
    if (plans_.empty()) return Error::HintImpossible;
    return best();
  }

 private:
  Result<void> check_hints() const {
    const Hints& hints = query_.hints;
    for (const std::string* name : {&hints.use_index, &hints.order_index}) {
      if (name->empty()) continue;
      const Index* const index = collection_.find_index(*name);
      if (index == nullptr || !choice_.allows(*index) || hints.force_scan) {
        return Error::HintImpossible;
      }
    }
    if (!hints.use_index.empty() && !hints.order_index.empty()) return Error::HintImpossible;
    for (const std::string& name : hints.no_index) {
      if (collection_.find_index(name) == nullptr) return Error::HintImpossible;
    }
    return {};
  }

  void find_sets() {
    for (size_t i = 0; i < conjuncts_.size(); ++i) {
      if (auto set = find_indexed_set(conjuncts_[i], choice_)) {
        std::vector<size_t> covered;
        if (set->exact) covered.push_back(i);
        sets_.push_back({std::move(*set), std::move(covered)});
      }
    }
    for (CompoundSet& set : find_compound_sets(conjuncts_, choice_))
      sets_.push_back(std::move(set));
    stable_sort(sets_, [](const CompoundSet& a, const CompoundSet& b) {
      if (a.set.rows != b.set.rows) return a.set.rows < b.set.rows;
      return a.covered.size() > b.covered.size();
    });
  }

  /// Rows for which the whole condition holds, about: the least set, and a share for what no set
  /// covers.
  void estimate_matches() {
    matches_ = rows_;
    if (!sets_.empty()) matches_ = static_cast<double>(sets_[0].set.rows);
    const size_t covered = sets_.empty() ? 0 : sets_[0].covered.size();
    for (size_t i = covered; i < conjuncts_.size(); ++i) matches_ *= kUnknownShare;
  }

  bool is_cheap_to_count() const {
    return query_.group_by.empty() && !query_.aggregates.empty() &&
           std::all_of(query_.aggregates.begin(), query_.aggregates.end(),
                       [](const Aggregate& a) { return a.kind == AggregateKind::Count; });
  }

  double sort_cost(double rows) const {
    if (query_.is_grouped()) return 0;
    const double kept = query_.limit ? std::min(rows, static_cast<double>(*query_.limit) +
                                                          static_cast<double>(query_.offset))
                                     : rows;
    return rows * costs_.sort_ns + kept * std::log2(kept + 2) * 10;
  }

  void finish(Plan plan, double rows_after, const std::vector<size_t>& covered, std::string index) {
    std::vector<Predicate> left;
    for (size_t i = 0; i < conjuncts_.size(); ++i) {
      if (std::find(covered.begin(), covered.end(), i) == covered.end()) {
        left.push_back(conjuncts_[i]);
      }
    }
    plan.residual = conjunction(std::move(left));
    if (plan.access != Access::Walk && !query_.is_grouped()) {
      plan.sorts = true;
      plan.cost_ns += sort_cost(rows_after);
    }
    plans_.push_back({std::move(plan), std::move(index)});
  }

  /// The record's key is asked for: no index is as quick.
  void add_keys_plan() {
    for (size_t i = 0; i < conjuncts_.size(); ++i) {
      const Predicate& in = conjuncts_[i];
      if (in.kind != PredicateKind::In || !(in.attribute == record_key())) continue;
      Plan plan;
      plan.access = Access::Keys;
      for (const Bytes& operand : in.operands) {
        // Text that is no UTF-8 cannot be; a key that is text is never binary.
        if (const auto text = ValueView(operand).as_text())
          plan.keys.push_back(to_bytes(as_bytes(*text)));
        if (const auto bytes = ValueView(operand).as_binary())
          plan.keys.push_back(to_bytes(*bytes));
      }
      plan.found_rows = plan.keys.size();
      plan.cost_ns = static_cast<double>(plan.keys.size()) * (costs_.probe_ns + costs_.match_ns);
      // A binary operand may meet a key that is text: leave the test to be asked.
      return finish(std::move(plan), static_cast<double>(in.operands.size()), {}, "$key");
    }
  }

  bool has_columns() const {
    // What nobody has in use yet has no column.
    const AttributeTable& table = collection_.rows().attributes();
    const auto has_column = [&](const Attribute& attribute) {
      for (AttributeId id = 0; id < table.size(); ++id) {
        if (table.attribute(id) == attribute) return collection_.columns().find(id) != nullptr;
      }
      return false;
    };
    std::vector<const Predicate*> open;
    for (const Predicate& each : conjuncts_) open.push_back(&each);
    while (!open.empty()) {
      const Predicate* const next = open.back();
      open.pop_back();
      if (next->kind >= PredicateKind::In && !has_column(next->attribute)) return false;
      for (const Predicate& child : next->children) open.push_back(&child);
    }
    return true;
  }

  void add_scan_plan() {
    Plan plan;
    plan.access = Access::Scan;
    plan.found_rows = collection_.rows().size();
    plan.counted = true;
    if (!conjuncts_.empty()) {
      plan.cost_ns = rows_ * (has_columns() ? costs_.column_ns : costs_.match_ns);
    } else if (!is_cheap_to_count()) {
      plan.cost_ns = rows_ * costs_.set_row_ns;
    }
    finish(std::move(plan), matches_, {}, "");
  }

  static double making_cost(const IndexedSet& set, const CostTable& costs) {
    double cost = 0;
    switch (set.kind) {
      case IndexedSet::Kind::Keys:
        // One key's set is there; several are joined.
        return static_cast<double>(set.keys.size()) * costs.probe_ns +
               (set.keys.size() > 1 ? static_cast<double>(set.rows) * costs.set_row_ns : 0);
      case IndexedSet::Kind::Ranges:
        return static_cast<double>(set.ranges.size()) * 2 * costs.descent_ns +
               static_cast<double>(set.rows) * (costs.walk_ns + costs.collect_ns);
      case IndexedSet::Kind::Texts:
      case IndexedSet::Kind::Missing:
      case IndexedSet::Kind::Nil:
        return 0;
      case IndexedSet::Kind::Complement:
      case IndexedSet::Kind::Union:
      case IndexedSet::Kind::Intersection:
        for (const IndexedSet& child : set.children) cost += making_cost(child, costs);
        return cost + static_cast<double>(set.rows) * costs.set_row_ns;
    }
    return cost;
  }

  static bool uses(const IndexedSet& set, const std::string& index) {
    if (set.index != nullptr && set.index->name() == index) return true;
    return std::any_of(set.children.begin(), set.children.end(),
                       [&](const IndexedSet& child) { return uses(child, index); });
  }

  static std::string names(const IndexedSet& set) {
    if (set.index != nullptr) return set.index->name();
    std::string all;
    for (const IndexedSet& child : set.children) {
      if (!all.empty()) all += ",";
      all += names(child);
    }
    return all;
  }

  /// Each set alone, and the least ones together as long as a further one saves more than it costs.
  void add_set_plans() {
    const std::string& wanted = query_.hints.use_index;
    for (size_t first = 0; first < sets_.size(); ++first) {
      if (!wanted.empty() && !uses(sets_[first].set, wanted)) continue;
      add_set_plan({first});
    }
    std::vector<size_t> together;
    std::vector<size_t> covered;
    for (size_t i = 0; i < sets_.size(); ++i) {
      const auto is_new = [&](size_t conjunct) {
        return std::find(covered.begin(), covered.end(), conjunct) == covered.end();
      };
      if (!std::any_of(sets_[i].covered.begin(), sets_[i].covered.end(), is_new)) continue;
      together.push_back(i);
      covered.insert(covered.end(), sets_[i].covered.begin(), sets_[i].covered.end());
      const bool is_wanted =
          wanted.empty() || std::any_of(together.begin(), together.end(),
                                        [&](size_t at) { return uses(sets_[at].set, wanted); });
      if (together.size() > 1 && is_wanted) add_set_plan(together);
    }
  }

  void add_set_plan(const std::vector<size_t>& chosen) {
    Plan plan;
    plan.access = Access::Sets;
    std::vector<size_t> covered;
    std::string index;
    double found = rows_;
    for (const size_t at : chosen) {
      const IndexedSet& set = sets_[at].set;
      plan.sets.push_back(set);
      covered.insert(covered.end(), sets_[at].covered.begin(), sets_[at].covered.end());
      if (!index.empty()) index += ",";
      index += names(set);
      // A count needs no set of a single index to be made.
      const bool is_counted_alone = chosen.size() == 1 && set.counted && set.exact &&
                                    is_cheap_to_count() && covered.size() == conjuncts_.size();
      plan.cost_ns += is_counted_alone ? costs_.descent_ns : making_cost(set, costs_);
      found *= rows_ == 0 ? 0 : static_cast<double>(set.rows) / rows_;
    }
    plan.found_rows = static_cast<size_t>(found);
    if (chosen.size() == 1) {
      plan.counted = sets_[chosen[0]].set.counted;
    } else {
      plan.cost_ns += static_cast<double>(sets_[chosen[0]].set.rows) * costs_.set_row_ns;
    }
    stable_sort(covered);
    covered.erase(std::unique(covered.begin(), covered.end()), covered.end());
    double after = found;
    if (covered.size() < conjuncts_.size()) {
      plan.cost_ns += found * (costs_.fetch_ns + costs_.match_ns);
      after = std::min(found, matches_);
    }
    finish(std::move(plan), after, covered, std::move(index));
  }

  void add_walk_plans() {
    if (query_.is_grouped()) return;
    const std::string& wanted = query_.hints.order_index;
    for (const auto& index : collection_.indexes()) {
      if (index->as_ordered() == nullptr || !choice_.allows(*index)) continue;
      if (wanted.empty() || index->name() == wanted) add_walk_plan(*index);
    }
  }

  /// An index serves if its parts are attributes set equal, and then the order, as it is or all of
  /// it the other way round.
  void add_walk_plan(const Index& index) {
    const std::vector<IndexPart>& parts = index.definition().parts;
    if (parts.size() < order_.size() || order_.empty()) return;
    const size_t fixed = parts.size() - order_.size();
    Bytes prefix;
    std::vector<size_t> covered;
    for (size_t part = 0; part < fixed; ++part) {
      const auto equal =
          std::find_if(conjuncts_.begin(), conjuncts_.end(), [&](const Predicate& p) {
            return p.kind == PredicateKind::In && p.operands.size() == 1 &&
                   p.attribute == parts[part].attribute;
          });
      if (equal == conjuncts_.end()) return;
      append_ordered_key(prefix, ValueView(equal->operands[0]), KeyForm::Query,
                         parts[part].direction);
      covered.push_back(static_cast<size_t>(equal - conjuncts_.begin()));
    }
    const bool backwards = parts[fixed].direction != order_[0].direction;
    for (size_t i = 0; i < order_.size(); ++i) {
      const bool is_reversed = parts[fixed + i].direction != order_[i].direction;
      if (!(parts[fixed + i].attribute == order_[i].attribute)) return;
      if (is_reversed != backwards) return;
    }
    // A cursor names its row in the order asked for, which a walk backwards does not seek by.
    if (backwards && !query_.after.empty()) return;

    Plan plan;
    plan.access = Access::Walk;
    plan.walk = &index;
    plan.backwards = backwards;
    plan.fixed_bytes = prefix.size();
    plan.walk_range = range_of_prefix(prefix);
    for (size_t i = 0; i < conjuncts_.size(); ++i) {
      if (!(conjuncts_[i].attribute == order_[0].attribute)) continue;
      if (conjuncts_[i].kind < PredicateKind::In) continue;
      const auto range = range_below(prefix, conjuncts_[i], parts[fixed].direction);
      if (!range) continue;
      plan.walk_range = range->range;
      if (range->exact) covered.push_back(i);
      break;
    }
    const CountedTree& tree = index.as_ordered()->tree();
    const size_t end = plan.walk_range.end.empty() ? tree.size() : tree.rank(plan.walk_range.end);
    const size_t begin = tree.rank(plan.walk_range.begin);
    plan.found_rows = end > begin ? end - begin : 0;
    plan.counted = true;
    double visited = static_cast<double>(plan.found_rows);
    if (query_.limit) {
      const double wanted = static_cast<double>(*query_.limit) + static_cast<double>(query_.offset);
      // With nothing left to ask, every row counts; else about one in `found / matches`.
      const double passing =
          covered.size() == conjuncts_.size() ? visited : std::max(matches_, 1.0);
      visited = std::min(visited, wanted * std::max(visited / passing, 1.0));
    }
    plan.cost_ns = 2 * costs_.descent_ns + visited * costs_.walk_ns;
    if (covered.size() < conjuncts_.size()) {
      plan.cost_ns += visited * (costs_.fetch_ns + costs_.match_ns);
    }
    finish(std::move(plan), visited, covered, index.name());
  }

  Plan best() {
    stable_sort(plans_, [](const Candidate& a, const Candidate& b) {
      return a.plan.cost_ns < b.plan.cost_ns;
    });
    Plan plan = std::move(plans_[0].plan);
    for (size_t i = 1; i < plans_.size(); ++i) {
      plan.rejected.push_back(
          {plans_[i].plan.access, std::move(plans_[i].index), plans_[i].plan.cost_ns});
    }
    return plan;
  }

  struct Candidate {
    Plan plan;
    std::string index;
  };

  const Query& query_;
  const Collection& collection_;
  const CostTable& costs_;
  double rows_;
  std::vector<OrderPart> order_;
  IndexChoice choice_;
  std::vector<Predicate> conjuncts_;
  std::vector<CompoundSet> sets_;
  double matches_ = 0;
  std::vector<Candidate> plans_;
};

}  // namespace

std::vector<OrderPart> effective_order(const Query& query) {
  std::vector<OrderPart> order;
  for (const OrderPart& part : query.order) {
    const auto same = [&](const OrderPart& other) { return other.attribute == part.attribute; };
    if (std::any_of(order.begin(), order.end(), same)) continue;
    // A record may be in several combinations.
    const bool is_key = query.joins.empty() && part.attribute == record_key();
    if (is_key && part.direction == Direction::Ascending) break;
    order.push_back(part);
    if (is_key) break;
  }
  return order;
}

Result<Plan> make_plan(const Query& query, const Collection& collection, const CostTable& costs) {
  if (!query.joins.empty()) return Error::InvalidArgument;
  return Planner(query, collection, costs).run();
}

}  // namespace topgun::query
