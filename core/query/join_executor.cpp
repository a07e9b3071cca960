#include "core/query/join_executor.hpp"

#include <algorithm>

#include "core/base/stable_sort.hpp"
#include "core/query/internal/group_table.hpp"
#include "core/query/internal/row_finder.hpp"
#include "core/query/joined_rows.hpp"
#include "core/query/normalize.hpp"
#include "core/query/top_rows.hpp"
#include "core/value/value_writer.hpp"

namespace topgun::query {
namespace {

using internal::GroupTable;
using internal::RowFinder;

void set_own_side(Predicate& predicate) {
  predicate.attribute.side = 0;
  for (Predicate& child : predicate.children) set_own_side(child);
}

/// Everything that one run of a query needs.
struct Prepared {
  Joiner joiner;
  JoinPlan plan;
};

Result<JoinPlan> make_join_plan(const Query& query, const Joiner& joiner, Predicate residual) {
  static constexpr CostTable kCosts;
  JoinPlan best;
  best.cost_ns = -1;
  const bool has_hints =
      query.hints.force_scan || !query.hints.use_index.empty() || !query.hints.no_index.empty();
  if (!query.hints.order_index.empty()) return Error::HintImpossible;
  for (uint8_t side = 0; side < joiner.sides(); ++side) {
    if (!joiner.is_free(side) || (has_hints && side > 0)) continue;
    JoinPlan plan;
    plan.start_query.where = joiner.condition(side);
    // Rows in any order will do, which is what groups are made of.
    plan.start_query.group_by = {record_key()};
    if (side == 0) plan.start_query.hints = query.hints;
    auto start = make_plan(plan.start_query, joiner.collection(side));
    if (!start.ok()) return start.error();
    plan.start = std::move(*start);
    plan.route = joiner.route_from(side);
    plan.cost_ns = plan.start.cost_ns + plan.route.cost_ns +
                   plan.route.rows * (kCosts.match_ns + kCosts.sort_ns);
    const bool is_better = best.cost_ns < 0 || plan.cost_ns < best.cost_ns;
    if (is_better) std::swap(plan, best);
    if (plan.cost_ns >= 0) plan.rejected.push_back({plan.route.start, plan.cost_ns});
    for (const JoinPlan::Rejected& each : plan.rejected) best.rejected.push_back(each);
  }
  stable_sort(best.rejected, [](const auto& a, const auto& b) { return a.cost_ns < b.cost_ns; });
  best.residual = std::move(residual);
  return best;
}

Result<Prepared> prepare(const Query& query, const std::vector<Collection*>& sides) {
  if (query.joins.empty() || sides.size() != query.sides()) return Error::InvalidArgument;
  if (const auto checked = check_sides(query); !checked.ok()) return checked.error();
  JoinConditions conditions = split_conditions(query);
  auto joiner = Joiner::make(query.joins, sides, std::move(conditions.by_side));
  if (!joiner.ok()) return joiner.error();
  auto plan = make_join_plan(query, *joiner, std::move(conditions.residual));
  if (!plan.ok()) return plan.error();
  return Prepared{std::move(*joiner), std::move(*plan)};
}

/// Asks the condition of each combination, and groups or sorts those that pass.
class AnswerSink final : public CombinationSink {
 public:
  AnswerSink(Matcher residual, JoinedRows& rows, uint64_t combinations_max)
      : residual_(std::move(residual)), rows_(rows), max_(combinations_max) {}

  bool take(const Combination& combination) override {
    if (++visited > max_) return false;
    const RowView view = rows_.view(combination);
    if (!residual_.is_always_true() && !residual_.matches(view)) return true;
    ++matched;
    if (groups) {
      groups->add(view);
      return true;
    }
    const auto number = static_cast<RowId>(kept.size());
    if (top->add(number, view)) kept.push_back(combination);
    return true;
  }

  std::optional<GroupTable> groups;  ///< One of the two.
  std::optional<TopRows> top;
  std::vector<Combination> kept;
  uint64_t visited = 0;
  uint64_t matched = 0;

 private:
  Matcher residual_;
  JoinedRows& rows_;
  uint64_t max_;
};

Result<void> take_rows(const Query& query, AnswerSink& sink, JoinedRows& joined, Answer& answer) {
  std::vector<RowId> numbers = sink.top->take();
  const auto skipped = static_cast<ptrdiff_t>(std::min<uint64_t>(query.offset, numbers.size()));
  numbers.erase(numbers.begin(), numbers.begin() + skipped);
  for (const RowId number : numbers) {
    const Combination& rows = sink.kept[number];
    answer.rows.insert(answer.rows.end(), rows.begin(),
                       rows.begin() + static_cast<ptrdiff_t>(answer.width));
  }
  if (!query.limit || numbers.size() != *query.limit || numbers.empty()) return {};
  auto keys = SortKeys::make(effective_order(query), joined.attributes());
  if (!keys.ok()) return keys.error();
  keys->append(answer.cursor, joined.view(sink.kept[numbers.back()]));
  return {};
}

Result<Answer> run_plan(const Query& query, const std::vector<Collection*>& sides,
                        Prepared& prepared, uint64_t combinations_max) {
  JoinedRows joined(query.joins, sides);
  auto residual = Matcher::make(prepared.plan.residual, joined.attributes());
  if (!residual.ok()) return residual.error();
  AnswerSink sink(std::move(*residual), joined, combinations_max);
  if (query.is_grouped()) {
    auto groups = GroupTable::make(query, joined.attributes());
    if (!groups.ok()) return groups.error();
    sink.groups.emplace(std::move(*groups));
  } else {
    auto keys = SortKeys::make(effective_order(query), joined.attributes());
    if (!keys.ok()) return keys.error();
    const uint64_t limit = query.limit.value_or(UINT64_MAX);
    const uint64_t wanted = limit > UINT64_MAX - query.offset ? UINT64_MAX : limit + query.offset;
    sink.top.emplace(std::move(*keys), wanted, query.after);
  }

  JoinRoute& route = prepared.plan.route;
  Collection& start = *sides[route.start];
  auto own = Matcher::make(prepared.plan.start.residual, start.attributes());
  if (!own.ok()) return own.error();
  if (const auto made = prepared.joiner.make_hashes(route); !made.ok()) return made.error();
  RowFinder finder(prepared.plan.start, start, std::move(*own));
  finder.for_each_while([&](RowId row) { return prepared.joiner.expand(route, row, {}, sink); });
  if (sink.visited > combinations_max) return Error::LimitExceeded;

  Answer answer;
  answer.width = query.sides();
  answer.rows_visited = sink.visited;
  answer.rows_matched = sink.matched;
  if (sink.groups) {
    answer.groups = sink.groups->take();
    keep_page(answer.groups, query);
    return answer;
  }
  const auto taken = take_rows(query, sink, joined, answer);
  if (!taken.ok()) return taken.error();
  return answer;
}

std::string_view kind_name(JoinKind kind) {
  switch (kind) {
    case JoinKind::Inner:
      return "inner";
    case JoinKind::Left:
      return "left";
    case JoinKind::Semi:
      return "semi";
    case JoinKind::Anti:
      return "anti";
  }
  return "";
}

void write_step(ValueWriter& writer, const JoinStep& step, const Query& query) {
  writer.begin_map(5);
  writer.key("kind");
  writer.text(kind_name(step.kind));
  writer.key("map");
  writer.text(step.side == 0 ? "" : query.joins[step.side - 1u].map);
  writer.key("rows");
  writer.unsigned_integer(static_cast<uint64_t>(step.rows_each * 100));
  writer.key("side");
  writer.unsigned_integer(step.side);
  writer.key("way");
  const bool is_index = step.way == JoinStep::Way::Index;
  writer.text(is_index                         ? std::string_view(step.index->name())
              : step.way == JoinStep::Way::Key ? "key"
                                               : "hash");
}

}  // namespace

JoinConditions split_conditions(const Query& query) {
  JoinConditions out;
  std::vector<std::vector<Predicate>> by_side(query.sides());
  for (size_t i = 0; i < query.joins.size(); ++i) by_side[i + 1] = {query.joins[i].where};
  const Predicate where = normalize(query.where);
  const bool is_and = where.kind == PredicateKind::And;
  std::vector<Predicate> rest;
  for (const Predicate& conjunct : is_and ? where.children : std::vector<Predicate>{where}) {
    const uint32_t sides = sides_of(conjunct);
    const bool is_of_one = sides != 0 && (sides & (sides - 1)) == 0;
    if (!is_of_one || (sides & free_sides(query.joins)) == 0) {
      rest.push_back(conjunct);
      continue;
    }
    Predicate own = conjunct;
    set_own_side(own);
    by_side[static_cast<size_t>(__builtin_ctz(sides))].push_back(std::move(own));
  }
  for (std::vector<Predicate>& all : by_side) out.by_side.push_back(normalize(all_of(all)));
  out.residual = normalize(all_of(std::move(rest)));
  return out;
}

Result<Answer> answer_join(const Query& query, const std::vector<Collection*>& sides,
                           uint64_t combinations_max) {
  auto prepared = prepare(query, sides);
  if (!prepared.ok()) return prepared.error();
  return run_plan(query, sides, *prepared, combinations_max);
}

Result<Bytes> explain_join(const Query& query, const std::vector<Collection*>& sides, Run run,
                           uint64_t combinations_max) {
  auto prepared = prepare(query, sides);
  if (!prepared.ok()) return prepared.error();
  std::optional<Answer> answer;
  if (run == Run::Analyze) {
    auto found = run_plan(query, sides, *prepared, combinations_max);
    if (!found.ok()) return found.error();
    answer = std::move(*found);
  }
  const JoinPlan& plan = prepared->plan;
  Bytes out;
  ValueWriter writer(out);
  writer.begin_map(size_t{7} + (answer ? 1 : 0));
  writer.key("access");
  writer.text("join");
  if (answer) {
    writer.key("actual");
    write_actual(out, *answer);
  }
  writer.key("cost");
  writer.unsigned_integer(static_cast<uint64_t>(plan.cost_ns + 0.5));
  writer.key("rejected");
  writer.begin_array(plan.rejected.size());
  for (const JoinPlan::Rejected& each : plan.rejected) {
    writer.begin_map(2);
    writer.key("cost");
    writer.unsigned_integer(static_cast<uint64_t>(each.cost_ns + 0.5));
    writer.key("start");
    writer.unsigned_integer(each.start);
  }
  writer.key("residual");
  writer.text(predicate_text(plan.residual));
  writer.key("rows");
  writer.unsigned_integer(static_cast<uint64_t>(plan.route.rows + 0.5));
  writer.key("start");
  writer.encoded(ValueView(explain_plan(plan.start)));
  writer.key("steps");
  writer.begin_array(plan.route.steps.size());
  for (const JoinStep& step : plan.route.steps) write_step(writer, step, query);
  return out;
}

}  // namespace topgun::query
