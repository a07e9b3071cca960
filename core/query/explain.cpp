#include "core/query/explain.hpp"

#include "core/query/normalize.hpp"
#include "core/value/value_writer.hpp"

namespace topgun::query {
namespace {

std::string_view access_name(Access access) {
  switch (access) {
    case Access::Nothing:
      return "nothing";
    case Access::Keys:
      return "keys";
    case Access::Scan:
      return "scan";
    case Access::Sets:
      return "sets";
    case Access::Walk:
      return "walk";
  }
  return "";
}

std::string_view test_name(PredicateKind kind) {
  switch (kind) {
    case PredicateKind::True:
      return "true";
    case PredicateKind::False:
      return "false";
    case PredicateKind::And:
      return "and";
    case PredicateKind::Or:
      return "or";
    case PredicateKind::Not:
      return "not";
    case PredicateKind::In:
      return "in";
    case PredicateKind::Range:
      return "range";
    case PredicateKind::IsMissing:
      return "missing";
    case PredicateKind::Like:
      return "like";
    case PredicateKind::LikeAnyCase:
      return "like any case";
    case PredicateKind::Prefix:
      return "prefix";
    case PredicateKind::Suffix:
      return "suffix";
    case PredicateKind::ContainsAny:
      return "contains any";
    case PredicateKind::ContainsAll:
      return "contains all";
  }
  return "";
}

void add_names(const IndexedSet& set, std::vector<std::string>& names) {
  if (set.index != nullptr) names.push_back(set.index->name());
  for (const IndexedSet& child : set.children) add_names(child, names);
}

std::vector<std::string> names_of(const Plan& plan) {
  std::vector<std::string> names;
  for (const IndexedSet& set : plan.sets) add_names(set, names);
  if (plan.walk != nullptr) names.push_back(plan.walk->name());
  return names;
}

uint64_t whole(double cost_ns) { return static_cast<uint64_t>(cost_ns + 0.5); }

void write_rejected(ValueWriter& writer, const RejectedPlan& plan) {
  writer.begin_map(3);
  writer.key("access");
  writer.text(access_name(plan.access));
  writer.key("cost");
  writer.unsigned_integer(whole(plan.cost_ns));
  writer.key("indexes");
  writer.text(plan.index);
}

}  // namespace

void write_actual(Bytes& out, const Answer& answer) {
  ValueWriter writer(out);
  writer.begin_map(4);
  writer.key("groups");
  writer.unsigned_integer(answer.groups.size());
  writer.key("matched");
  writer.unsigned_integer(answer.rows_matched);
  writer.key("rows");
  writer.unsigned_integer(answer.rows.size() / answer.width);
  writer.key("visited");
  writer.unsigned_integer(answer.rows_visited);
}

std::string predicate_text(const Predicate& predicate) {
  if (predicate.kind == PredicateKind::Not) return "not " + predicate_text(predicate.children[0]);
  if (predicate.kind >= PredicateKind::In) {
    return attribute_text(predicate.attribute) + " " + std::string(test_name(predicate.kind));
  }
  if (predicate.children.empty()) return std::string(test_name(predicate.kind));
  std::string text;
  for (const Predicate& child : predicate.children) {
    if (!text.empty()) text += " " + std::string(test_name(predicate.kind)) + " ";
    const bool nests = child.kind == PredicateKind::And || child.kind == PredicateKind::Or;
    text += nests ? "(" + predicate_text(child) + ")" : predicate_text(child);
  }
  return text;
}

Bytes explain_plan(const Plan& plan, const Answer* answer) {
  Bytes out;
  ValueWriter writer(out);
  const bool walks = plan.access == Access::Walk;
  writer.begin_map(size_t{8} + (walks ? 1 : 0) + (answer != nullptr ? 1 : 0));
  writer.key("access");
  writer.text(access_name(plan.access));
  if (answer != nullptr) {
    writer.key("actual");
    write_actual(out, *answer);
  }
  writer.key("cost");
  writer.unsigned_integer(whole(plan.cost_ns));
  writer.key("counted");
  writer.boolean(plan.counted);
  if (walks) {
    writer.key("direction");
    writer.text(plan.backwards ? "backward" : "forward");
  }
  writer.key("indexes");
  const std::vector<std::string> names = names_of(plan);
  writer.begin_array(names.size());
  for (const std::string& name : names) writer.text(name);
  writer.key("rejected");
  writer.begin_array(plan.rejected.size());
  for (const RejectedPlan& rejected : plan.rejected) write_rejected(writer, rejected);
  writer.key("residual");
  writer.text(predicate_text(plan.residual));
  writer.key("rows");
  writer.unsigned_integer(plan.found_rows);
  writer.key("sorts");
  writer.boolean(plan.sorts);
  return out;
}

Result<Bytes> explain(const Query& query, Collection& collection, Run run) {
  Query normal = query;
  normal.where = normalize(query.where);
  const auto plan = make_plan(normal, collection);
  if (!plan.ok()) return plan.error();
  if (run == Run::PlanOnly) return explain_plan(*plan);
  const auto found = execute(*plan, normal, collection);
  if (!found.ok()) return found.error();
  return explain_plan(*plan, &*found);
}

}  // namespace topgun::query
