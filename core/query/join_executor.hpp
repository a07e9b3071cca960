#pragma once

#include "core/query/executor.hpp"
#include "core/query/explain.hpp"
#include "core/query/joiner.hpp"

namespace topgun::query {

/// What each side's records must be, and what is left for the combinations. A condition on one free
/// side alone can be asked before anything is joined.
struct JoinConditions {
  std::vector<Predicate> by_side;  ///< Attributes of side 0 in each.
  Predicate residual;
};

/// The conditions of a query with joins, in their normal form.
JoinConditions split_conditions(const Query& query);

/// How a query with joins is answered: rows of one side are found as a query to that map alone
/// would find them, and the other sides are brought in one by one.
struct JoinPlan {
  Query start_query;  ///< The first side's own condition.
  Plan start;
  JoinRoute route;
  Predicate residual;  ///< Of combinations: what no side's condition is.
  double cost_ns = 0;
  /// The other orders, cheapest first, by the side that they begin with.
  struct Rejected {
    uint8_t start = 0;
    double cost_ns = 0;
  };
  std::vector<Rejected> rejected;
};

/// Answers a query with joins; `sides[i]` holds the rows of side `i`. `InvalidArgument` for joins
/// against the rules (`check_sides`), `HintImpossible`: hints are about the query's own map, which
/// then comes first, and no index gives an order. `LimitExceeded` beyond `combinations_max`.
Result<Answer> answer_join(const Query& query, const std::vector<Collection*>& sides,
                           uint64_t combinations_max = kCombinationsMax);

/// As `explain`, of a query with joins:
///
///     access     "join"
///     actual     with an answer, as in `explain_plan`
///     cost       of the whole, in nanoseconds
///     rejected   the orders not taken: {cost, start}, `start` being a side
///     residual   what is asked of combinations
///     rows       of the result, about
///     start      the plan of the first side, as `explain_plan` gives it
///     steps      the other sides in turn: {kind, map, rows, side, way}; `rows` is about how many
///     go
///                with one combination in hundredths, `way` "key", "hash", or the index's name
Result<Bytes> explain_join(const Query& query, const std::vector<Collection*>& sides, Run run,
                           uint64_t combinations_max = kCombinationsMax);

}  // namespace topgun::query
