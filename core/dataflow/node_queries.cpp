#include "core/dataflow/node_queries.hpp"

#include <algorithm>

#include "core/base/probe.hpp"
#include "core/query/normalize.hpp"

namespace topgun::dataflow {

using node::QueryTarget;
using node::ShardMessage;
using node::ShardMessageKind;
using query::Predicate;
using query::Query;

namespace {

// How the rows of an answer are told (docs/engine-protocol.md, Queries).
constexpr uint8_t kGroups = 1;
constexpr uint8_t kRecords = 2;
constexpr uint8_t kCombinations = 3;
constexpr uint8_t kSelected = 4;
constexpr uint8_t kSelectedCombinations = 5;
constexpr uint8_t kExplanation = 6;

// What a query begins with whose plan is wanted. No version of queries is that high.
constexpr uint8_t kPlanWanted = 254;
constexpr uint8_t kAnalysisWanted = 255;

constexpr std::string_view kTooLarge = "the answer is too large: ask with a limit";

constexpr std::string_view kViewFailed = "the node has no such view: it became too large";

/// Takes off what a query to a node may begin with.
Ask take_ask(ByteView& query, bool live) {
  const uint8_t first = query.empty() ? 0 : query[0];
  if (first < kPlanWanted) return live ? Ask::Live : Ask::Once;
  query = query.subspan(1);
  return first == kAnalysisWanted ? Ask::Analyze : Ask::Plan;
}

query::Attribute at_path(const std::vector<std::string>& path) {
  query::Attribute attribute;
  attribute.steps = path;
  return attribute;
}

Predicate as_predicate(const node::ReadAccess& access) {
  std::vector<Predicate> alternatives;
  for (const auto& conditions : access.any_of) {
    std::vector<Predicate> conjuncts;
    for (const node::FieldEquals& each : conditions) {
      conjuncts.push_back(query::equal_to(at_path(each.path), each.value));
    }
    alternatives.push_back(query::all_of(std::move(conjuncts)));
  }
  return query::any_of(std::move(alternatives));
}

}  // namespace

std::unique_ptr<node::ShardQueries> NodeQueries::make(node::ShardContext& context,
                                                      node::Owner& owner,
                                                      node::QueryOutput& output) {
  return std::make_unique<NodeQueries>(context, owner, output);
}

std::vector<std::string> NodeQueries::joined_maps(ByteView bytes) const {
  take_ask(bytes, false);
  const Result<Query> query = query::decode_query(bytes);
  std::vector<std::string> maps;
  for (size_t i = 0; query.ok() && i < query->joins.size(); ++i) {
    maps.push_back(query->joins[i].map);
  }
  return maps;
}

Result<Query> NodeQueries::restrict(ByteView bytes, std::span<const node::ReadAccess> access,
                                    Ask ask) {
  Result<Query> query = query::decode_query(bytes);
  if (!query.ok()) return query;
  if (ask == Ask::Live && !query->after.empty()) return Error::InvalidArgument;
  if (ask == Ask::Live && query->is_grouped() && (query->offset > 0 || query->limit)) {
    return Error::InvalidArgument;
  }
  TG_ASSERT(access.size() == query->sides());
  for (size_t side = 0; side < query->sides(); ++side) {
    if (access[side].all) continue;
    // Plans tell how many records there are that a condition does not let pass.
    if (ask >= Ask::Plan) return Error::Forbidden;
    Predicate& where = side == 0 ? query->where : query->joins[side - 1].where;
    where = query::all_of({std::move(where), as_predicate(access[side])});
  }
  query->where = query::normalize(query->where);
  for (query::Join& join : query->joins) join.where = query::normalize(join.where);
  if (!is_sendable(*query)) return Error::TooLarge;
  return query;
}

bool NodeQueries::is_sendable(const Query& query) {
  return query::decode_query(query::encode_query(query)).ok();
}

Query NodeQueries::part_query(const Query& query) {
  Query part = query;
  part.offset = 0;
  if (query.limit) {
    part.limit = TG_MUTANT(78)                              ? *query.limit
                 : *query.limit > UINT64_MAX - query.offset ? UINT64_MAX
                                                            : *query.limit + query.offset;
  }
  if (query.is_grouped()) part.limit.reset();
  return part;
}

std::string_view NodeQueries::detail_of(Error error) {
  if (error == Error::TooLarge) return kTooLarge;
  if (error == Error::LimitExceeded) return "the join makes too many combinations";
  return {};
}

std::optional<query::PartitionSet> NodeQueries::partitions_of(std::string_view map,
                                                              const Query& query) const {
  if (views_.shard_of(map)) return std::nullopt;
  return query::partitions_of(query.where, views_.partition_key_of(map));
}

std::vector<uint16_t> NodeQueries::shards_of(std::string_view map, const Query& query) const {
  const auto partitions = partitions_of(map, query);
  if (!partitions) return {*views_.shard_of(map)};
  const uint16_t count = context_.options.shard_count;
  std::vector<bool> has_some(count, partitions->all());
  for (size_t i = 0; i < partitions->size(); ++i) {
    if (partitions->test(i)) has_some[i % count] = true;
  }
  std::vector<uint16_t> shards;
  for (uint16_t shard = 0; shard < count; ++shard) {
    if (has_some[shard]) shards.push_back(shard);
  }
  // Somebody has to look at the query itself, even if no record can be one of these.
  if (shards.empty()) shards.push_back(context_.options.shard);
  return shards;
}

void NodeQueries::open(QueryTarget target, ByteView map, ByteView bytes, bool live,
                       std::span<const node::ReadAccess> access) {
  views_.define_all();
  const Ask ask = take_ask(bytes, live);
  Result<Query> query = restrict(bytes, access, ask);
  if (live && ask != Ask::Live) query = Error::InvalidArgument;
  if (!query.ok()) {
    const bool is_secret = query.error() == Error::Forbidden;
    return output_.failed(target, query.error(),
                          is_secret ? "plans are told to those who may see all records"
                                    : "a query that a node cannot answer");
  }
  Bytes name;
  if (live) {
    ByteWriter writer(name);
    writer.blob(map);
    writer.raw(query::encode_query(*query));
    const auto known = live_.find(name);
    if (known != live_.end()) {
      by_target_[target] = known->second;
      Asked& asked = answers_.at(known->second);
      asked.targets.push_back(target);
      if (asked.is_complete()) output_.answered(target, whole(asked));
      return;
    }
    if (live_.size() == kAnswersMax) {
      return output_.failed(target, Error::LimitExceeded, "too many different live queries");
    }
  }
  const uint64_t number = ++last_number_;
  by_target_[target] = number;
  Asked& asked = answers_[number];
  asked.ask = ask;
  asked.map = as_text(map);
  asked.query = std::move(*query);
  asked.name = name;
  asked.targets.push_back(target);
  if (live) live_.emplace(std::move(name), number);
  if (ask >= Ask::Plan) {
    asked.explanation.emplace();
  } else if (asked.query.is_grouped()) {
    asked.groups.emplace(1, asked.query);
  } else {
    asked.rows.emplace(1, asked.query);
  }
  if (asked.query.joins.empty() || is_of_one_shard(asked)) {
    return ask_shards(number, asked);
  }
  const Result<void> gathers = gather(number, asked);
  if (!gathers.ok()) return fail(number, gathers.error(), {});
  join_if_gathered(number);
}

/// Each shard says its part, of its own records.
void NodeQueries::ask_shards(uint64_t number, Asked& asked) {
  const Query part = part_query(asked.query);
  if (asked.explanation) return ask_plans(number, asked, asked.map, part);
  asked.shards = shards_of(asked.map, part);
  asked.parts_missing = asked.shards.size();
  TG_SOMETIMES(asked.shards.size() > 1, NodeMergesShards);
  if (asked.groups) {
    asked.groups.emplace(asked.shards.size(), asked.query);
  } else {
    asked.rows.emplace(asked.shards.size(), asked.query);
  }
  Bytes payload;
  ByteWriter writer(payload);
  writer.blob(as_bytes(asked.map));
  writer.blob(query::encode_query(part));
  const node::SharedBytes shared = node::share(std::move(payload));
  for (const uint16_t shard : asked.shards) {
    context_.post(shard, ShardMessageKind::OpenQuery, {number, static_cast<uint64_t>(asked.ask)},
                  shared);
  }
}

void NodeQueries::ask_plans(uint64_t number, Asked& asked, const std::string& map,
                            const Query& query) {
  const std::vector<uint16_t> shards = shards_of(map, query);
  const uint64_t place = ++last_number_;
  plans_[place] = {number, asked.explanation->sides()};
  asked.explanation->add_side(map, shards, partitions_of(map, query), query);
  Bytes payload;
  ByteWriter writer(payload);
  writer.blob(as_bytes(map));
  writer.blob(query::encode_query(query));
  const node::SharedBytes shared = node::share(std::move(payload));
  for (const uint16_t shard : shards) {
    context_.post(shard, ShardMessageKind::OpenQuery, {place, static_cast<uint64_t>(asked.ask)},
                  shared);
  }
}

void NodeQueries::close(QueryTarget target) {
  const auto found = by_target_.find(target);
  if (found == by_target_.end()) return;
  const auto answer = answers_.find(found->second);
  by_target_.erase(found);
  std::erase(answer->second.targets, target);
  if (answer->second.targets.empty()) forget(answer);
}

void NodeQueries::forget(Answers::iterator answer) {
  Asked& asked = answer->second;
  const uint64_t number = answer->first;
  if (!asked.gathered.empty()) {
    owned_.unsubscribe(context_.options.shard, number);
    gathered_.release(number, asked.gathered);
  } else if (asked.is_live()) {
    for (const uint16_t shard : asked.shards) {
      context_.post(shard, ShardMessageKind::CloseQuery, {number}, nullptr);
    }
  }
  if (asked.explanation) {
    std::erase_if(plans_, [&](const auto& each) { return each.second.number == number; });
  }
  if (asked.is_live()) live_.erase(asked.name);
  answer_bytes_ -= asked.bytes();
  answers_.erase(answer);
}

void NodeQueries::repeat(QueryTarget target) {
  const auto found = by_target_.find(target);
  if (found == by_target_.end()) return;
  const Asked& asked = answers_.at(found->second);
  if (asked.is_complete()) output_.answered(target, whole(asked));
}

void NodeQueries::handle(const ShardMessage& message) {
  views_.define_all();
  switch (static_cast<ShardMessageKind>(message.kind)) {
    case ShardMessageKind::OpenQuery:
      return owned_.open(message);
    case ShardMessageKind::CloseQuery:
      return owned_.close(message);
    case ShardMessageKind::QueryPart:
      return on_part(message);
    case ShardMessageKind::QueryChanged:
      return on_changed(message);
    default:
      TG_ASSERT(false);
  }
}

// --- what shards tell ---

bool NodeQueries::grow(uint64_t number, const Asked& asked, size_t bytes_before) {
  answer_bytes_ += asked.bytes() - bytes_before;
  if (asked.bytes() > asked.shards.size() * 2 * kAnswerBytesMax) {
    fail(number, Error::TooLarge, kTooLarge);
    return false;
  }
  if (answer_bytes_ + gathered_.bytes() <= kAnswersBytesMax) return true;
  fail(number, Error::Overloaded, "the node follows too many answers");
  return false;
}

void NodeQueries::on_part(const ShardMessage& message) {
  const uint64_t number = message.numbers[0];
  if (gathered_.has(number)) return on_gathered(message);
  if (views_.has_groups(number)) return views_.on_part(message);
  if (plans_.count(number) != 0) return on_plan(message);
  const auto found = answers_.find(number);
  if (found == answers_.end()) return;  // Nobody waits any more.
  if (message.numbers[1] != 0) {
    const auto error = static_cast<Error>(message.numbers[1]);
    return fail(number, error, message.numbers[2] != 0 ? kViewFailed : detail_of(error));
  }
  const Asked& asked = found->second;
  const auto shard = std::find(asked.shards.begin(), asked.shards.end(), message.from);
  TG_ASSERT(shard != asked.shards.end());
  take_part(number, static_cast<size_t>(shard - asked.shards.begin()), *message.payload);
}

void NodeQueries::take_part(uint64_t number, size_t part, ByteView bytes) {
  Asked& asked = answers_.at(number);
  ByteReader in(bytes);
  const size_t bytes_before = asked.bytes();
  asked.rows ? asked.rows->take_part(part, in) : asked.groups->take_part(part, in);
  if (!grow(number, asked, bytes_before)) return;
  --asked.parts_missing;
  finish_if_complete(number);
}

void NodeQueries::on_plan(const ShardMessage& message) {
  const PlanPlace place = plans_.at(message.numbers[0]);
  if (message.numbers[1] != 0) {
    const auto error = static_cast<Error>(message.numbers[1]);
    return fail(place.number, error, message.numbers[2] != 0 ? kViewFailed : detail_of(error));
  }
  Asked& asked = answers_.at(place.number);
  answer_bytes_ += message.payload->size();
  asked.explanation->take_plan(place.side, message.from, *message.payload);
  finish_if_complete(place.number);
}

void NodeQueries::finish_if_complete(uint64_t number) {
  const auto found = answers_.find(number);
  if (!found->second.is_complete()) return;
  const Bytes answer = whole(found->second);
  if (answer.size() > kAnswerBytesMax) return fail(number, Error::TooLarge, kTooLarge);
  const std::vector<QueryTarget> targets = found->second.targets;
  if (!found->second.is_live()) {
    for (const QueryTarget target : targets) by_target_.erase(target);
    forget(found);
  }
  for (const QueryTarget target : targets) output_.answered(target, answer);
}

void NodeQueries::on_changed(const ShardMessage& message) {
  const uint64_t number = message.numbers[0];
  if (gathered_.has(number)) {
    gathered_.on_changed(message);
    grow_gathered(number);
    return;
  }
  if (views_.has_groups(number)) return views_.on_changed(message);
  const auto found = answers_.find(number);
  if (found == answers_.end()) return;
  Asked& asked = found->second;
  const auto shard = std::find(asked.shards.begin(), asked.shards.end(), message.from);
  TG_ASSERT(shard != asked.shards.end());
  const auto part = static_cast<size_t>(shard - asked.shards.begin());
  ByteReader in(*message.payload);
  Bytes steps;
  const size_t bytes_before = asked.bytes();
  const bool any = asked.rows ? asked.rows->take_steps(part, in, steps)
                              : asked.groups->take_steps(part, in, steps);
  if (!grow(number, asked, bytes_before)) return;
  if (!any || !asked.is_complete()) return;  // Who waits for the answer gets it with this in it.
  const std::vector<QueryTarget> targets = asked.targets;
  for (const QueryTarget target : targets) output_.changed(target, steps);
}

Bytes NodeQueries::whole(const Asked& asked) const {
  Bytes out;
  ByteWriter writer(out);
  if (asked.explanation) {
    writer.u8(kExplanation);
    writer.raw(asked.explanation->encode());
    return out;
  }
  if (asked.groups) {
    writer.u8(kGroups);
    asked.groups->write_answer(writer);
    writer.blob({});
    return out;
  }
  const bool is_selected = !asked.query.select.empty();
  if (asked.query.joins.empty()) {
    writer.u8(is_selected ? kSelected : kRecords);
  } else {
    writer.u8(is_selected ? kSelectedCombinations : kCombinations);
    writer.varint(asked.query.sides());
  }
  asked.rows->write_answer(writer);
  writer.blob(asked.rows->cursor());
  return out;
}

void NodeQueries::fail(uint64_t number, Error error, std::string_view detail) {
  const auto found = answers_.find(number);
  const std::vector<QueryTarget> targets = found->second.targets;
  for (const QueryTarget target : targets) by_target_.erase(target);
  forget(found);
  for (const QueryTarget target : targets) output_.failed(target, error, detail);
}

size_t NodeQueries::memory_bytes() const {
  return owned_.memory_bytes() + answer_bytes_ + gathered_.bytes() + views_.memory_bytes();
}

}  // namespace topgun::dataflow
