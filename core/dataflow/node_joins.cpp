#include <algorithm>

#include "core/dataflow/node_queries.hpp"
#include "core/query/join_executor.hpp"
#include "core/query/normalize.hpp"

namespace topgun::dataflow {

// Joins over several shards: the records of each side are gathered from all of them, and joined on
// the shard that has the connection.

using node::ShardMessage;
using query::Query;

namespace {

/// What the sides' records must be, by what is said of them and by what they must be equal to:
/// where an order is of tenant 7, and people are joined who are of the same, they are of tenant 7
/// as well.
query::JoinConditions conditions_of(const Query& query) {
  query::JoinConditions conditions = query::split_conditions(query);
  const auto values_of = [&](const query::Attribute& attribute) -> const query::Predicate* {
    const query::Predicate& where = conditions.by_side[attribute.side];
    const query::Attribute own = query::on_side(0, attribute);
    const auto tells = [&](const query::Predicate& each) {
      return each.kind == query::PredicateKind::In && each.attribute == own;
    };
    if (tells(where)) return &where;
    if (where.kind != query::PredicateKind::And) return nullptr;
    const auto found = std::find_if(where.children.begin(), where.children.end(), tells);
    return found == where.children.end() ? nullptr : &*found;
  };
  for (size_t i = 0; i < query.joins.size(); ++i) {
    for (const query::JoinPair& pair : query.joins[i].on) {
      const query::Predicate* const values = values_of(pair.left);
      if (values == nullptr) continue;
      query::Predicate& own = conditions.by_side[i + 1];
      own = query::normalize(
          query::all_of({std::move(own), query::is_in(pair.right, values->operands)}));
    }
  }
  return conditions;
}

constexpr std::string_view kTooManyGathered = "the join needs too many records: ask for fewer";

}  // namespace

bool NodeQueries::is_of_one_shard(const Asked& asked) const {
  if (context_.options.shard_count == 1) return true;
  // A shard follows joins of whole maps, for all who ask: gathering what conditions leave is less.
  if (asked.is_live()) return false;
  std::vector<uint16_t> all = shards_of(asked.map, asked.query);
  const query::JoinConditions conditions = conditions_of(asked.query);
  for (size_t side = 1; side < asked.query.sides(); ++side) {
    Query own;
    own.where = conditions.by_side[side];
    const std::vector<uint16_t> shards = shards_of(asked.query.joins[side - 1].map, own);
    all.insert(all.end(), shards.begin(), shards.end());
  }
  return std::all_of(all.begin(), all.end(), [&](uint16_t shard) { return shard == all[0]; });
}

/// Asks for the records of each side, by the conditions on it alone.
Result<void> NodeQueries::gather(uint64_t number, Asked& asked) {
  const query::JoinConditions conditions = conditions_of(asked.query);
  const query::Hints hints = asked.query.hints;
  // No index gives an order to combinations.
  if (!hints.order_index.empty()) return Error::HintImpossible;
  for (size_t side = 0; side < asked.query.sides(); ++side) {
    Query own;
    own.where = conditions.by_side[side];
    // They are about how the records of the query's own map are found.
    if (side == 0) {
      own.hints = hints;
      own.hints.no_share = false;
    }
    if (!is_sendable(own)) return Error::TooLarge;
    const std::string& map = side == 0 ? asked.map : asked.query.joins[side - 1].map;
    if (asked.explanation) ask_plans(number, asked, map, own);
    if (asked.ask == Ask::Plan) continue;
    const auto gathered = gathered_.want(number, ++last_number_, as_bytes(map), own,
                                         shards_of(map, own), asked.is_live());
    if (!gathered.ok()) return gathered.error();
    asked.gathered.push_back(*gathered);
  }
  // What was gathered need not be asked again.
  asked.query.where = conditions.residual;
  for (query::Join& join : asked.query.joins) join.where = {};
  asked.query.hints = {};
  asked.query.hints.no_share = hints.no_share;
  return {};
}

void NodeQueries::join_if_gathered(uint64_t number) {
  Asked& asked = answers_.at(number);
  if (asked.gathered.empty() || asked.is_joined) return;
  for (const uint64_t each : asked.gathered) {
    if (!gathered_.is_complete(each)) return;
  }
  asked.is_joined = true;
  if (asked.explanation) return explain_gathered(number, asked);
  const Result<Bytes> part = answer_gathered(number, asked);
  if (!part.ok()) return fail(number, part.error(), detail_of(part.error()));
  asked.shards = {context_.options.shard};
  asked.parts_missing = 1;
  take_part(number, 0, *part);
}

std::vector<query::Collection*> NodeQueries::gathered_sides(const Asked& asked) {
  std::vector<query::Collection*> sides;
  for (const uint64_t each : asked.gathered) sides.push_back(&gathered_.map(each).rows());
  return sides;
}

/// All records are here: answers from them as the only shard would.
Result<Bytes> NodeQueries::answer_gathered(uint64_t number, const Asked& asked) {
  Query query = part_query(asked.query);
  query.partial_groups = query.is_grouped();
  if (!asked.is_live()) return OwnerQueries::part_of(query, gathered_sides(asked));
  // Nothing is followed from within a batch.
  owned_.flush();
  for (size_t i = 0; i < query.joins.size(); ++i) {
    query.joins[i].map = gathered_.map(asked.gathered[i + 1]).relation();
  }
  return owned_.subscribe(gathered_.map(asked.gathered[0]).relation(), std::move(query),
                          context_.options.shard, number);
}

void NodeQueries::explain_gathered(uint64_t number, Asked& asked) {
  Result<Bytes> plan = query::explain_join(asked.query, gathered_sides(asked), query::Run::Analyze,
                                           OwnerQueries::kCombinationsMax);
  if (!plan.ok()) return fail(number, plan.error(), detail_of(plan.error()));
  asked.explanation->take_join(std::move(*plan));
  finish_if_complete(number);
}

bool NodeQueries::grow_gathered(uint64_t number) {
  if (gathered_.map(number).bytes() > kGatheredBytesMax) {
    fail_gathered(number, Error::TooLarge, kTooManyGathered);
    return false;
  }
  const std::set<uint64_t> users = gathered_.users(number);
  const auto is_view = [this](uint64_t user) { return views_.has(user); };
  // What clients ask does not take the place of what the node was told to keep.
  if (std::any_of(users.begin(), users.end(), is_view)) return true;
  if (answer_bytes_ + gathered_.bytes() <= kAnswersBytesMax) return true;
  fail_gathered(number, Error::Overloaded, "the node follows too many answers");
  return false;
}

void NodeQueries::on_gathered(const ShardMessage& message) {
  const uint64_t number = message.numbers[0];
  if (message.numbers[1] != 0) {
    const auto error = static_cast<Error>(message.numbers[1]);
    const bool is_too_large = error == Error::TooLarge;
    return fail_gathered(number, error, is_too_large ? kTooManyGathered : std::string_view{});
  }
  gathered_.on_part(message);
  if (!grow_gathered(number) || !gathered_.is_complete(number)) return;
  for (const uint64_t user : gathered_.users(number)) {
    if (views_.has(user)) {
      views_.on_gathered(user);
    } else if (answers_.count(user) != 0) {
      join_if_gathered(user);
    }
  }
}

void NodeQueries::fail_gathered(uint64_t number, Error error, std::string_view detail) {
  for (const uint64_t user : gathered_.users(number)) {
    views_.has(user) ? views_.fail(user, error) : fail(user, error, detail);
  }
}

}  // namespace topgun::dataflow
