#include "core/query/planner.hpp"

#include <algorithm>
#include <cmath>
#include <span>

#include "core/base/stable_sort.hpp"

namespace topgun::query {
namespace {

/// Of a test nobody counted, about so many rows pass.
constexpr double kUnknownShare = 0.25;

/// Of most queries, beside those by sets: a scan, a walk or the keys.
constexpr size_t kUsualWays = 3;

Predicate conjunction(std::vector<Predicate> conjuncts) {
  if (conjuncts.size() == 1) return std::move(conjuncts[0]);
  return conjuncts.empty() ? Predicate{} : all_of(std::move(conjuncts));
}

bool has(std::span<const size_t> numbers, size_t number) {
  return std::find(numbers.begin(), numbers.end(), number) != numbers.end();
}

/// Weighs all the ways there are, and makes the plan of the cheapest. The condition stays where it
/// is until then: most of what a plan consists of is not needed to know what it costs.
class Planner {
 public:
  Planner(const Query& query, const Predicate& where, const Collection& collection,
          const CostTable& costs)
      : query_(query),
        where_(where),
        collection_(collection),
        costs_(costs),
        rows_(static_cast<double>(collection.rows().size())),
        order_(effective_order(query)) {
    choice_.collection = &collection;
    choice_.forbidden = &query.hints.no_index;
    if (where.kind == PredicateKind::And) {
      conjuncts_ = where.children;
    } else if (where.kind != PredicateKind::True) {
      conjuncts_ = {&where, 1};
    }
  }

  Result<Plan> run() {
    if (const auto hints = check_hints(); !hints.ok()) return hints.error();
    if (where_.kind == PredicateKind::False || query_.limit == uint64_t{0}) {
      Plan plan;
      plan.access = Access::Nothing;
      plan.counted = true;
      return plan;
    }
    find_sets();
    ways_.reserve(sets_.size() + kUsualWays);
    estimate_matches();
    const Hints& hints = query_.hints;
    const bool is_free = hints.use_index.empty() && hints.order_index.empty();
    if (is_free && !hints.force_scan) add_keys_plan();
    if (is_free) add_scan_plan();
    if (!hints.force_scan && hints.order_index.empty()) add_set_plans();
    if (!hints.force_scan && hints.use_index.empty()) add_walk_plans();
    if (ways_.empty()) return Error::HintImpossible;
    return best();
  }

 private:
  /// A way to answer, as far as it takes to weigh it.
  struct Way {
    Access access = Access::Scan;
    size_t keys_of = 0;           ///< For `Keys`: the conjunct that names them.
    std::vector<size_t> sets;     ///< For `Sets`.
    std::vector<size_t> covered;  ///< Conjuncts that need not be asked of the rows it finds.
    const Index* walk = nullptr;
    KeyRange walk_range;
    bool backwards = false;
    size_t fixed_bytes = 0;
    bool sorts = false;
    size_t found_rows = 0;
    bool counted = false;
    double cost_ns = 0;
  };

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
    if (sets_.size() < 2) return;
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

  void finish(Way way, double rows_after) {
    if (way.access != Access::Walk && !query_.is_grouped()) {
      way.sorts = true;
      way.cost_ns += sort_cost(rows_after);
    }
    ways_.push_back(std::move(way));
  }

  /// A key that the operand may be of; none is neither text nor binary. Text that is no UTF-8
  /// cannot be; a key that is text is never binary.
  static std::optional<ByteView> key_in(ByteView operand) {
    if (const auto text = ValueView(operand).as_text()) return as_bytes(*text);
    return ValueView(operand).as_binary();
  }

  /// The record's key is asked for: no index is as quick.
  void add_keys_plan() {
    for (size_t i = 0; i < conjuncts_.size(); ++i) {
      const Predicate& in = conjuncts_[i];
      if (in.kind != PredicateKind::In || !(in.attribute == record_key())) continue;
      Way way;
      way.access = Access::Keys;
      way.keys_of = i;
      for (const Bytes& operand : in.operands) way.found_rows += key_in(operand) ? 1 : 0;
      way.cost_ns = static_cast<double>(way.found_rows) * (costs_.probe_ns + costs_.match_ns);
      // A binary operand may meet a key that is text: leave the test to be asked.
      return finish(std::move(way), static_cast<double>(in.operands.size()));
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
    Way way;
    way.access = Access::Scan;
    way.found_rows = collection_.rows().size();
    way.counted = true;
    if (!conjuncts_.empty()) {
      way.cost_ns = rows_ * (has_columns() ? costs_.column_ns : costs_.match_ns);
    } else if (!is_cheap_to_count()) {
      way.cost_ns = rows_ * costs_.set_row_ns;
    }
    finish(std::move(way), matches_);
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
      const auto is_new = [&](size_t conjunct) { return !has(covered, conjunct); };
      if (!std::any_of(sets_[i].covered.begin(), sets_[i].covered.end(), is_new)) continue;
      together.push_back(i);
      covered.insert(covered.end(), sets_[i].covered.begin(), sets_[i].covered.end());
      const bool is_wanted =
          wanted.empty() || std::any_of(together.begin(), together.end(),
                                        [&](size_t at) { return uses(sets_[at].set, wanted); });
      if (together.size() > 1 && is_wanted) add_set_plan(together);
    }
  }

  void add_set_plan(std::vector<size_t> chosen) {
    Way way;
    way.access = Access::Sets;
    double found = rows_;
    for (const size_t at : chosen) {
      const IndexedSet& set = sets_[at].set;
      for (const size_t conjunct : sets_[at].covered) {
        if (!has(way.covered, conjunct)) way.covered.push_back(conjunct);
      }
      // A count needs no set of a single index to be made.
      const bool is_counted_alone = chosen.size() == 1 && set.counted && set.exact &&
                                    is_cheap_to_count() && way.covered.size() == conjuncts_.size();
      way.cost_ns += is_counted_alone ? costs_.descent_ns : making_cost(set, costs_);
      found *= rows_ == 0 ? 0 : static_cast<double>(set.rows) / rows_;
    }
    way.found_rows = static_cast<size_t>(found);
    if (chosen.size() == 1) {
      way.counted = sets_[chosen[0]].set.counted;
    } else {
      way.cost_ns += static_cast<double>(sets_[chosen[0]].set.rows) * costs_.set_row_ns;
    }
    double after = found;
    if (way.covered.size() < conjuncts_.size()) {
      way.cost_ns += found * (costs_.fetch_ns + costs_.match_ns);
      after = std::min(found, matches_);
    }
    way.sets = std::move(chosen);
    finish(std::move(way), after);
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

    Way way;
    way.access = Access::Walk;
    way.walk = &index;
    way.backwards = backwards;
    way.fixed_bytes = prefix.size();
    way.walk_range = range_of_prefix(prefix);
    for (size_t i = 0; i < conjuncts_.size(); ++i) {
      if (!(conjuncts_[i].attribute == order_[0].attribute)) continue;
      if (conjuncts_[i].kind < PredicateKind::In) continue;
      auto range = range_below(prefix, conjuncts_[i], parts[fixed].direction);
      if (!range) continue;
      way.walk_range = std::move(range->range);
      if (range->exact) covered.push_back(i);
      break;
    }
    way.found_rows = rows_in(index, way.walk_range);
    way.counted = true;
    double visited = static_cast<double>(way.found_rows);
    if (query_.limit) {
      const double wanted = static_cast<double>(*query_.limit) + static_cast<double>(query_.offset);
      // With nothing left to ask, every row counts; else about one in `found / matches`.
      const double passing =
          covered.size() == conjuncts_.size() ? visited : std::max(matches_, 1.0);
      visited = std::min(visited, wanted * std::max(visited / passing, 1.0));
    }
    way.cost_ns = 2 * costs_.descent_ns + visited * costs_.walk_ns;
    if (covered.size() < conjuncts_.size()) {
      way.cost_ns += visited * (costs_.fetch_ns + costs_.match_ns);
    }
    way.covered = std::move(covered);
    finish(std::move(way), visited);
  }

  /// Often a set has been counted of the very range that is to be walked.
  size_t rows_in(const Index& index, const KeyRange& range) const {
    for (const CompoundSet& known : sets_) {
      const IndexedSet& set = known.set;
      if (set.index == &index && set.ranges.size() == 1 && set.ranges[0] == range) return set.rows;
    }
    return index.as_ordered()->tree().count_between(range.begin, range.end);
  }

  std::string name_of(const Way& way) const {
    switch (way.access) {
      case Access::Nothing:
      case Access::Scan:
        return "";
      case Access::Keys:
        return "$key";
      case Access::Walk:
        return way.walk->name();
      case Access::Sets:
        break;
    }
    std::string all;
    for (const size_t at : way.sets) {
      if (!all.empty()) all += ",";
      all += names(sets_[at].set);
    }
    return all;
  }

  Plan best() {
    size_t least = 0;
    for (size_t i = 1; i < ways_.size(); ++i) {
      if (ways_[i].cost_ns < ways_[least].cost_ns) least = i;
    }
    std::vector<RejectedPlan> rejected;
    rejected.reserve(ways_.size() - 1);
    for (size_t i = 0; i < ways_.size(); ++i) {
      if (i != least) rejected.push_back({ways_[i].access, name_of(ways_[i]), ways_[i].cost_ns});
    }
    stable_sort(rejected,
                [](const RejectedPlan& a, const RejectedPlan& b) { return a.cost_ns < b.cost_ns; });
    Plan plan = plan_of(std::move(ways_[least]));
    plan.rejected = std::move(rejected);
    return plan;
  }

  Plan plan_of(Way way) {
    Plan plan;
    plan.access = way.access;
    if (way.access == Access::Keys) {
      for (const Bytes& operand : conjuncts_[way.keys_of].operands) {
        if (const auto key = key_in(operand)) plan.keys.push_back(to_bytes(*key));
      }
    }
    for (const size_t at : way.sets) plan.sets.push_back(std::move(sets_[at].set));
    plan.walk = way.walk;
    plan.walk_range = std::move(way.walk_range);
    plan.backwards = way.backwards;
    plan.fixed_bytes = way.fixed_bytes;
    plan.sorts = way.sorts;
    plan.order = std::move(order_);
    plan.found_rows = way.found_rows;
    plan.counted = way.counted;
    plan.cost_ns = way.cost_ns;
    std::vector<Predicate> left;
    for (size_t i = 0; i < conjuncts_.size(); ++i) {
      if (!has(way.covered, i)) left.push_back(conjuncts_[i]);
    }
    plan.residual = conjunction(std::move(left));
    return plan;
  }

  const Query& query_;
  const Predicate& where_;
  const Collection& collection_;
  const CostTable& costs_;
  double rows_;
  std::vector<OrderPart> order_;
  IndexChoice choice_;
  std::span<const Predicate> conjuncts_;
  std::vector<CompoundSet> sets_;
  double matches_ = 0;
  std::vector<Way> ways_;
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
  return make_plan(query, query.where, collection, costs);
}

Result<Plan> make_plan(const Query& query, const Predicate& where, const Collection& collection,
                       const CostTable& costs) {
  if (!query.joins.empty()) return Error::InvalidArgument;
  return Planner(query, where, collection, costs).run();
}

}  // namespace topgun::query
