#include "core/dataflow/node_queries.hpp"

#include <algorithm>

#include "core/base/partition.hpp"
#include "core/query/normalize.hpp"

namespace topgun::dataflow {

using node::QueryTarget;
using node::ShardMessage;
using node::ShardMessageKind;
using query::Predicate;
using query::PredicateKind;
using query::Query;

namespace {

// How the rows of an answer are told (docs/engine-protocol.md, Queries).
constexpr uint8_t kGroups = 1;
constexpr uint8_t kRecords = 2;
constexpr uint8_t kSelected = 4;

constexpr std::string_view kTooLarge = "the answer is too large: ask with a limit";

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

/// The conjunct that names keys, if there is one.
const Predicate* key_conjunct(const Predicate& where) {
  const auto names_keys = [](const Predicate& each) {
    return each.kind == PredicateKind::In && each.attribute.source == query::Attribute::Source::Key;
  };
  if (names_keys(where)) return &where;
  if (where.kind != PredicateKind::And) return nullptr;
  const auto found = std::find_if(where.children.begin(), where.children.end(), names_keys);
  return found == where.children.end() ? nullptr : &*found;
}

}  // namespace

std::unique_ptr<node::ShardQueries> NodeQueries::make(node::ShardContext& context,
                                                      node::Owner& owner,
                                                      node::QueryOutput& output) {
  return std::make_unique<NodeQueries>(context, owner, output);
}

Result<Query> NodeQueries::restrict(ByteView bytes, const node::ReadAccess& access, bool live) {
  Result<Query> query = query::decode_query(bytes);
  if (!query.ok()) return query;
  // Records that belong together may lie on different shards.
  if (!query->joins.empty()) return Error::InvalidArgument;
  if (live && !query->after.empty()) return Error::InvalidArgument;
  if (live && query->is_grouped() && (query->offset > 0 || query->limit)) {
    return Error::InvalidArgument;
  }
  if (!access.all) query->where = query::all_of({std::move(query->where), as_predicate(access)});
  query->where = query::normalize(query->where);
  return query;
}

std::vector<uint16_t> NodeQueries::shards_of(const Query& query) const {
  const uint16_t count = context_.options.shard_count;
  std::vector<uint16_t> shards;
  if (const Predicate* keys = key_conjunct(query.where)) {
    for (const Bytes& operand : keys->operands) {
      const ValueView value(operand);
      const auto text = value.as_text();
      const auto key = text ? std::optional(as_bytes(*text)) : value.as_binary();
      if (key) shards.push_back(partition_of(*key).value % count);
    }
    // Somebody has to look at the query itself, even if no key can be one of these.
    if (shards.empty()) shards.push_back(context_.options.shard);
    std::sort(shards.begin(), shards.end());  // allow(sort): equal numbers are alike
    shards.erase(std::unique(shards.begin(), shards.end()), shards.end());
    return shards;
  }
  for (uint16_t shard = 0; shard < count; ++shard) shards.push_back(shard);
  return shards;
}

void NodeQueries::open(QueryTarget target, ByteView map, ByteView bytes, bool live,
                       const node::ReadAccess& access) {
  const Result<Query> query = restrict(bytes, access, live);
  if (!query.ok())
    return output_.failed(target, query.error(), "a query that a node cannot answer");
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
      if (asked.parts_missing == 0) output_.answered(target, whole(asked));
      return;
    }
    if (live_.size() == kAnswersMax) {
      return output_.failed(target, Error::LimitExceeded, "too many different live queries");
    }
  }
  const uint64_t number = ++last_number_;
  by_target_[target] = number;
  Asked& asked = answers_[number];
  asked.is_live = live;
  asked.name = name;
  asked.targets.push_back(target);
  if (live) live_.emplace(std::move(name), number);
  ask(number, asked, map, *query);
}

void NodeQueries::ask(uint64_t number, Asked& asked, ByteView map, const Query& query) {
  asked.is_grouped = query.is_grouped();
  asked.is_selected = !query.select.empty();
  asked.shards = shards_of(query);
  asked.parts_missing = asked.shards.size();
  // Of each shard the rows that may be among the first of all; groups whole.
  Query part = query;
  part.offset = 0;
  if (query.limit) {
    part.limit =
        *query.limit > UINT64_MAX - query.offset ? UINT64_MAX : *query.limit + query.offset;
  }
  if (asked.is_grouped) {
    part.limit.reset();
    asked.groups.emplace(asked.shards.size(), query);
  } else {
    asked.rows.emplace(asked.shards.size(), query.offset, query.limit);
  }
  Bytes payload;
  ByteWriter writer(payload);
  writer.blob(map);
  writer.blob(query::encode_query(part));
  const node::SharedBytes shared = node::share(std::move(payload));
  for (const uint16_t shard : asked.shards) {
    context_.post(shard, ShardMessageKind::OpenQuery, {number, asked.is_live ? uint64_t{1} : 0},
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
  if (answer->second.is_live) {
    for (const uint16_t shard : answer->second.shards) {
      context_.post(shard, ShardMessageKind::CloseQuery, {answer->first}, nullptr);
    }
    live_.erase(answer->second.name);
  }
  answer_bytes_ -= answer->second.bytes();
  answers_.erase(answer);
}

void NodeQueries::repeat(QueryTarget target) {
  const auto found = by_target_.find(target);
  if (found == by_target_.end()) return;
  const Asked& asked = answers_.at(found->second);
  if (asked.parts_missing == 0) output_.answered(target, whole(asked));
}

void NodeQueries::handle(const ShardMessage& message) {
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

bool NodeQueries::grow(uint64_t number, const Asked& asked, size_t bytes_before) {
  answer_bytes_ += asked.bytes() - bytes_before;
  if (asked.bytes() > asked.shards.size() * 2 * kAnswerBytesMax) {
    fail(number, Error::TooLarge, kTooLarge);
    return false;
  }
  if (answer_bytes_ <= kAnswersBytesMax) return true;
  fail(number, Error::Overloaded, "the node follows too many answers");
  return false;
}

void NodeQueries::on_part(const ShardMessage& message) {
  const auto found = answers_.find(message.numbers[0]);
  if (found == answers_.end()) return;  // Nobody waits any more.
  Asked& asked = found->second;
  if (message.numbers[1] != 0) {
    const auto error = static_cast<Error>(message.numbers[1]);
    return fail(found->first, error, error == Error::TooLarge ? kTooLarge : std::string_view{});
  }
  const auto shard = std::find(asked.shards.begin(), asked.shards.end(), message.from);
  TG_ASSERT(shard != asked.shards.end());
  const auto part = static_cast<size_t>(shard - asked.shards.begin());
  ByteReader in(*message.payload);
  const size_t bytes_before = asked.bytes();
  asked.rows ? asked.rows->take_part(part, in) : asked.groups->take_part(part, in);
  if (!grow(found->first, asked, bytes_before)) return;
  if (--asked.parts_missing > 0) return;
  const Bytes answer = whole(asked);
  if (answer.size() > kAnswerBytesMax) return fail(found->first, Error::TooLarge, kTooLarge);
  const std::vector<QueryTarget> targets = asked.targets;
  if (!asked.is_live) {
    for (const QueryTarget target : targets) by_target_.erase(target);
    forget(found);
  }
  for (const QueryTarget target : targets) output_.answered(target, answer);
}

void NodeQueries::on_changed(const ShardMessage& message) {
  const auto found = answers_.find(message.numbers[0]);
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
  if (!grow(found->first, asked, bytes_before)) return;
  if (!any || asked.parts_missing > 0) return;  // Who waits for the answer gets it with this in it.
  const std::vector<QueryTarget> targets = asked.targets;
  for (const QueryTarget target : targets) output_.changed(target, steps);
}

Bytes NodeQueries::whole(const Asked& asked) const {
  Bytes out;
  ByteWriter writer(out);
  if (asked.groups) {
    writer.u8(kGroups);
    asked.groups->write_answer(writer);
    writer.blob({});
    return out;
  }
  writer.u8(asked.is_selected ? kSelected : kRecords);
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

size_t NodeQueries::memory_bytes() const { return owned_.memory_bytes() + answer_bytes_; }

}  // namespace topgun::dataflow
