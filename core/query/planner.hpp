#pragma once

#include "core/query/indexed_set.hpp"
#include "core/query/query.hpp"

namespace topgun::query {

/// How the rows of a query are found.
enum class Access : uint8_t {
  Nothing,  ///< The condition can never hold.
  Keys,     ///< Records by their keys.
  Scan,     ///< All rows, by columns where there are any.
  Sets,     ///< Rows that indexes tell, intersected.
  Walk,     ///< An ordered index from one end to the other, in the order asked for.
};

/// What a step costs, in nanoseconds. Measured once on the machine of `docs/benchmarks.md` and
/// fixed, so that plans do not change from run to run: only the proportions matter.
struct CostTable {
  double match_ns = 35;     ///< Asking a predicate of a record.
  double column_ns = 1;     ///< Asking it of columns, a row.
  double fetch_ns = 15;     ///< Coming to a record out of order.
  double probe_ns = 80;     ///< Looking up a key.
  double descent_ns = 200;  ///< Way down a tree.
  double walk_ns = 8;       ///< A step along an index.
  double collect_ns = 4;    ///< Putting a row into a set.
  double set_row_ns = 1;    ///< A row of a set that is there already.
  double sort_ns = 120;     ///< Making a sort key and placing it.
};

/// A way to answer that was not taken.
struct RejectedPlan {
  Access access = Access::Scan;
  std::string index;
  double cost_ns = 0;
};

struct Plan {
  Access access = Access::Scan;
  /// What is left to be asked of each row found.
  Predicate residual;
  std::vector<Bytes> keys;       ///< For `Keys`.
  std::vector<IndexedSet> sets;  ///< For `Sets`: all of them hold. At least one.

  // For `Walk`:
  const Index* walk = nullptr;
  KeyRange walk_range;
  bool backwards = false;
  size_t fixed_bytes = 0;  ///< Of the keys' front, which is the same for all: parts set equal.

  /// Whether the rows are to be sorted after they were found.
  bool sorts = false;
  /// Of the query (`effective_order`).
  std::vector<OrderPart> order;
  /// Rows found before the residual is asked; exactly if `counted`.
  size_t found_rows = 0;
  bool counted = false;
  double cost_ns = 0;
  std::vector<RejectedPlan> rejected;  ///< By cost.
};

/// Chooses the cheapest way by the number of rows that the indexes tell; those are exact, there are
/// no statistics to be gathered. The predicate of `query` must be in its normal form.
/// `InvalidArgument` for a query with joins (`make_join_plan`);
/// `HintImpossible` if a hint names an index that is not there, not ready or of no use here.
Result<Plan> make_plan(const Query& query, const Collection& collection,
                       const CostTable& costs = {});
/// The same with `where` in place of the query's own condition, of which `where` is the normal
/// form.
Result<Plan> make_plan(const Query& query, const Predicate& where, const Collection& collection,
                       const CostTable& costs = {});

/// The order of a query without what can make no difference: parts behind the record's key, and
/// that itself in ascending order, which comes last anyway; parts that occurred before.
std::vector<OrderPart> effective_order(const Query& query);

}  // namespace topgun::query
