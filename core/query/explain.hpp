#pragma once

#include "core/query/executor.hpp"

namespace topgun::query {

/// How a query is, or would be, answered: a map value, the same for the same rows, indexes and
/// query, so that it can be compared and tested.
///
///     access     "nothing", "keys", "scan", "sets" or "walk"
///     cost       of the plan as estimated, in whole nanoseconds
///     counted    whether `rows` is exact
///     direction  for a walk: "forward" or "backward"
///     indexes    names of those used
///     rejected   the ways not taken, cheapest first: {access, cost, indexes}
///     residual   what is asked of each row found, in words
///     rows       found before the residual is asked
///     sorts      whether the rows are sorted afterwards
///     actual     with an answer: {groups, matched, rows, visited}
Bytes explain_plan(const Plan& plan, const Answer* answer = nullptr);

/// Appends what an answer was, as under `actual`.
void write_actual(Bytes& out, const Answer& answer);

/// Plans the query and explains; `Run::Analyze` also executes it. Errors as of `make_plan`.
enum class Run : uint8_t { PlanOnly, Analyze };
Result<Bytes> explain(const Query& query, Collection& collection, Run run);

/// A predicate in words, its constants left out: "status in and (age range or not name like)".
std::string predicate_text(const Predicate& predicate);

}  // namespace topgun::query
