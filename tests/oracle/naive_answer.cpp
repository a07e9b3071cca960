#include "tests/oracle/naive_answer.hpp"

#include <algorithm>

#include "core/query/exact_sum.hpp"
#include "core/query/ordered_key.hpp"
#include "core/value/value_writer.hpp"
#include "tests/support/query_model.hpp"

namespace topgun::oracle {
namespace {

using namespace query;

using Entry = Records::value_type;
/// The records that belong together, by side; null where there is none.
using Tuple = std::vector<const Entry*>;

const Bytes kNil = {0xc0};

std::optional<Bytes> read(const Attribute& attribute, const Tuple& tuple) {
  const Entry* const entry = tuple[attribute.side];
  if (entry == nullptr) return std::nullopt;
  return model_read(attribute, as_bytes(entry->first), entry->second);
}

Bytes read_or_nil(const Attribute& attribute, const Tuple& tuple) {
  return read(attribute, tuple).value_or(kNil);
}

bool matches(const Predicate& predicate, const Tuple& tuple) {
  const auto child_matches = [&](const Predicate& child) { return matches(child, tuple); };
  const auto& children = predicate.children;
  if (predicate.kind == PredicateKind::And) {
    return std::all_of(children.begin(), children.end(), child_matches);
  }
  if (predicate.kind == PredicateKind::Or) {
    return std::any_of(children.begin(), children.end(), child_matches);
  }
  if (predicate.kind == PredicateKind::Not) return !child_matches(children[0]);
  Predicate test = predicate;
  test.attribute.side = 0;
  const Entry* const entry = tuple[predicate.attribute.side];
  if (entry != nullptr) return model_matches(test, as_bytes(entry->first), entry->second);
  // Of a record that is absent everything is missing.
  test.attribute = field("no such attribute");
  return model_matches(test, {}, kNil);
}

bool pairs(const Join& join, const Tuple& tuple, const Entry& entry) {
  if (!matches(join.where, {&entry})) return false;
  return std::all_of(join.on.begin(), join.on.end(), [&](const JoinPair& pair) {
    const Bytes left = read_or_nil(pair.left, tuple);
    const Bytes right = read_or_nil(pair.right, {&entry});
    return left != kNil && right != kNil && model_order(left, right) == 0;
  });
}

std::vector<Tuple> joined(const Query& query, const std::vector<const Records*>& sides) {
  std::vector<Tuple> tuples;
  for (const Entry& entry : *sides[0]) tuples.push_back({&entry});
  for (size_t i = 0; i < query.joins.size(); ++i) {
    const Join& join = query.joins[i];
    std::vector<Tuple> next;
    for (const Tuple& tuple : tuples) {
      std::vector<const Entry*> found;
      for (const Entry& entry : *sides[i + 1]) {
        if (pairs(join, tuple, entry)) found.push_back(&entry);
      }
      const bool is_semi = join.kind == JoinKind::Semi;
      const bool is_anti = join.kind == JoinKind::Anti;
      if (is_semi || is_anti) {
        if (found.empty() == is_semi) continue;
        found = {nullptr};
      } else if (found.empty() && join.kind == JoinKind::Left) {
        found = {nullptr};
      }
      for (const Entry* const entry : found) {
        next.push_back(tuple);
        next.back().push_back(entry);
      }
    }
    tuples = std::move(next);
  }
  return tuples;
}

std::optional<Bytes> key_value(const Entry* entry) {
  if (entry == nullptr) return std::nullopt;
  return model_read(record_key(), as_bytes(entry->first), entry->second);
}

bool comes_before(const Query& query, const Tuple& left, const Tuple& right) {
  for (const OrderPart& part : query.order) {
    const int order =
        model_order(read_or_nil(part.attribute, left), read_or_nil(part.attribute, right));
    if (order != 0) return part.direction == Direction::Ascending ? order < 0 : order > 0;
  }
  if (query.joins.empty()) return left[0]->first < right[0]->first;
  for (size_t side = 0; side < left.size(); ++side) {
    const int order = model_order(key_value(left[side]), key_value(right[side]));
    if (order != 0) return order < 0;
  }
  return false;
}

Bytes value_of(const Query& query, const Tuple& tuple) {
  if (query.select.empty() && query.joins.empty()) return tuple[0]->second;
  std::vector<Bytes> parts;
  for (const Attribute& attribute : query.select) parts.push_back(read_or_nil(attribute, tuple));
  for (size_t side = 0; query.select.empty() && side < tuple.size(); ++side) {
    if (!query.has_side(side)) continue;
    parts.push_back(tuple[side] == nullptr ? kNil : tuple[side]->second);
  }
  Bytes out;
  ValueWriter writer(out);
  writer.begin_array(parts.size());
  for (const Bytes& part : parts) writer.encoded(ValueView(part));
  return out;
}

// --- groups ---

int compare(const std::vector<Bytes>& left, const std::vector<Bytes>& right) {
  for (size_t i = 0; i < left.size(); ++i) {
    const int order = model_order(left[i], right[i]);
    if (order != 0) return order;
  }
  return 0;
}

void write_aggregate(ValueWriter& writer, const Aggregate& aggregate,
                     const std::vector<Tuple>& tuples) {
  std::vector<Bytes> values;
  ExactSum sum;
  uint64_t numbers = 0;
  for (const Tuple& tuple : tuples) {
    Bytes value = read_or_nil(aggregate.attribute, tuple);
    const ValueView view(value);
    if (const auto number = view.as_double()) sum.add(*number);
    if (const auto bigint = view.as_bigint()) sum.add(*bigint);
    numbers += view.type() == ValueType::Number || view.type() == ValueType::BigInt ? 1 : 0;
    if (!view.is_nil()) values.push_back(std::move(value));
  }
  const auto below = [](const Bytes& a, const Bytes& b) { return model_order(a, b) < 0; };
  switch (aggregate.kind) {
    case AggregateKind::Count:
      return writer.unsigned_integer(tuples.size());
    case AggregateKind::CountOf:
      return writer.unsigned_integer(values.size());
    case AggregateKind::Sum:
      return writer.number(sum.value());
    case AggregateKind::Average:
      if (numbers == 0) return writer.nil();
      return writer.number(sum.value() / static_cast<double>(numbers));
    case AggregateKind::Min:
      if (values.empty()) return writer.nil();
      return writer.encoded(ValueView(*std::min_element(values.begin(), values.end(), below)));
    case AggregateKind::Max:
      if (values.empty()) return writer.nil();
      return writer.encoded(ValueView(*std::max_element(values.begin(), values.end(), below)));
  }
}

struct Group {
  std::vector<Bytes> values;
  std::vector<Tuple> tuples;
};

std::vector<Group> groups_of(const Query& query, const std::vector<Tuple>& tuples) {
  std::vector<Group> groups;
  if (query.group_by.empty()) groups.emplace_back();
  for (const Tuple& tuple : tuples) {
    std::vector<Bytes> values;
    for (const Attribute& attribute : query.group_by) {
      values.push_back(read_or_nil(attribute, tuple));
    }
    auto group = std::find_if(groups.begin(), groups.end(),
                              [&](const Group& each) { return compare(each.values, values) == 0; });
    if (group == groups.end()) group = groups.insert(groups.end(), Group{values, {}});
    group->tuples.push_back(tuple);
  }
  std::stable_sort(groups.begin(), groups.end(),
                   [](const Group& a, const Group& b) { return compare(a.values, b.values) < 0; });
  return groups;
}

Bytes encode(const Query& query, const Group& group) {
  Bytes out;
  ValueWriter writer(out);
  writer.begin_array(group.values.size() + query.aggregates.size());
  for (const Bytes& value : group.values) writer.encoded(ValueView(value));
  for (const Aggregate& aggregate : query.aggregates) {
    write_aggregate(writer, aggregate, group.tuples);
  }
  return out;
}

template <typename T>
void keep_page(std::vector<T>& all, const Query& query) {
  const auto from = static_cast<size_t>(std::min<uint64_t>(query.offset, all.size()));
  all.erase(all.begin(), all.begin() + static_cast<ptrdiff_t>(from));
  if (query.limit && *query.limit < all.size()) all.resize(static_cast<size_t>(*query.limit));
}

std::vector<Tuple> found(const Query& query, const std::vector<const Records*>& sides) {
  std::vector<Tuple> tuples = joined(query, sides);
  std::erase_if(tuples, [&](const Tuple& tuple) { return !matches(query.where, tuple); });
  if (query.is_grouped()) return tuples;
  std::stable_sort(tuples.begin(), tuples.end(),
                   [&](const Tuple& a, const Tuple& b) { return comes_before(query, a, b); });
  keep_page(tuples, query);
  return tuples;
}

}  // namespace

NaiveAnswer naive_answer(const Query& query, const std::vector<const Records*>& sides) {
  NaiveAnswer answer;
  const std::vector<Tuple> tuples = found(query, sides);
  if (query.is_grouped()) {
    for (const Group& group : groups_of(query, tuples)) {
      answer.groups.push_back(encode(query, group));
    }
    keep_page(answer.groups, query);
    return answer;
  }
  for (const Tuple& tuple : tuples) {
    NaiveRow& row = answer.rows.emplace_back();
    for (const Entry* const entry : tuple) {
      row.keys.push_back(entry == nullptr ? std::nullopt : std::optional(entry->first));
    }
    row.value = value_of(query, tuple);
  }
  return answer;
}

namespace {

/// Bytes as the characters of those numbers.
std::string characters(const Bytes& bytes) {
  std::string text;
  for (const uint8_t byte : bytes) {
    if (byte >= 0x80) text += static_cast<char>(0xc0 + byte / 64);
    text += static_cast<char>(byte < 0x80 ? byte : 0x80 + byte % 64);
  }
  return text;
}

}  // namespace

Records naive_view(const Query& query, const std::vector<const Records*>& sides) {
  Records records;
  const std::vector<Tuple> tuples = found(query, sides);
  if (query.is_grouped()) {
    for (const Group& group : groups_of(query, tuples)) {
      Bytes key;
      for (const Bytes& value : group.values) append_ordered_key(key, ValueView(value));
      records[characters(key)] = encode(query, group);
    }
    return records;
  }
  for (const Tuple& tuple : tuples) {
    if (query.joins.empty()) {
      records[tuple[0]->first] = value_of(query, tuple);
      continue;
    }
    Bytes key;
    for (size_t side = 0; side < tuple.size(); ++side) {
      if (!query.has_side(side)) continue;
      const auto part = key_value(tuple[side]);
      append_ordered_key(key, part ? std::optional(ValueView(*part)) : std::nullopt);
    }
    records[characters(key)] = value_of(query, tuple);
  }
  return records;
}

}  // namespace topgun::oracle
