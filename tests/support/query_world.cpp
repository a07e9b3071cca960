#include "tests/support/query_world.hpp"

#include <algorithm>

#include "core/value/value_writer.hpp"
#include "tests/support/random_query.hpp"

namespace topgun {
namespace {

using namespace query;

const Bytes kNil = {0xc0};

using Record = std::pair<std::string, Bytes>;

Bytes read(const Attribute& attribute, const Record& record) {
  return model_read(attribute, as_bytes(record.first), record.second).value_or(kNil);
}

int compare_groups(const std::vector<Bytes>& left, const std::vector<Bytes>& right) {
  for (size_t i = 0; i < left.size(); ++i) {
    const int order = model_order(left[i], right[i]);
    if (order != 0) return order;
  }
  return 0;
}

void write_model_aggregate(ValueWriter& writer, const Aggregate& aggregate,
                           const std::vector<Record>& rows) {
  std::vector<Bytes> values;
  for (const Record& row : rows) values.push_back(read(aggregate.attribute, row));
  ExactSum sum;
  uint64_t numbers = 0;
  for (const Bytes& value : values) {
    const ValueView view(value);
    if (const auto number = view.as_double()) sum.add(*number);
    if (const auto bigint = view.as_bigint()) sum.add(*bigint);
    numbers += view.type() == ValueType::Number || view.type() == ValueType::BigInt ? 1 : 0;
  }
  std::erase_if(values, [](const Bytes& value) { return ValueView(value).is_nil(); });
  const auto below = [](const Bytes& a, const Bytes& b) { return model_order(a, b) < 0; };
  switch (aggregate.kind) {
    case AggregateKind::Count:
      return writer.unsigned_integer(rows.size());
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

void model_groups(const Query& query, const std::vector<Record>& rows, ModelAnswer& answer) {
  struct Group {
    std::vector<Bytes> values;
    std::vector<Record> rows;
  };
  std::vector<Group> groups;
  if (query.group_by.empty()) groups.push_back({});
  for (const Record& row : rows) {
    std::vector<Bytes> values;
    for (const Attribute& attribute : query.group_by) values.push_back(read(attribute, row));
    auto group = std::find_if(groups.begin(), groups.end(), [&](const Group& each) {
      return compare_groups(each.values, values) == 0;
    });
    if (group == groups.end()) group = groups.insert(groups.end(), {values, {}});
    group->rows.push_back(row);
  }
  std::stable_sort(groups.begin(), groups.end(), [](const Group& a, const Group& b) {
    return compare_groups(a.values, b.values) < 0;
  });
  for (const Group& group : groups) {
    Bytes& out = answer.groups.emplace_back();
    ValueWriter writer(out);
    writer.begin_array(query.group_by.size() + query.aggregates.size());
    for (const Bytes& value : group.values) writer.encoded(ValueView(value));
    for (const Aggregate& aggregate : query.aggregates) {
      write_model_aggregate(writer, aggregate, group.rows);
    }
  }
}

template <typename T>
void page(std::vector<T>& all, const Query& query) {
  const auto from = static_cast<size_t>(std::min<uint64_t>(query.offset, all.size()));
  all.erase(all.begin(), all.begin() + static_cast<ptrdiff_t>(from));
  if (query.limit && *query.limit < all.size()) all.resize(static_cast<size_t>(*query.limit));
}

}  // namespace

RowId QueryWorld::write(const std::string& key, std::optional<Bytes> value) {
  const auto row = collection.find(as_bytes(key));
  const auto known = records_.find(key);
  Bytes before;
  if (known != records_.end()) before = known->second;
  Write write;
  write.row = row;
  if (row) write.before = before;
  if (!value) {
    if (!row) return UINT32_MAX;
    write.key = as_bytes(key);
    records_.erase(key);
    return apply(write);
  }
  Bytes& place = records_[key];
  place = std::move(*value);
  write.key = as_bytes(records_.find(key)->first);
  write.after = place;
  return apply(write);
}

ModelAnswer model_answer(const Query& query, const std::map<std::string, Bytes>& records) {
  std::vector<Record> rows;
  for (const auto& [key, value] : records) {
    if (model_matches(query.where, as_bytes(key), value)) rows.emplace_back(key, value);
  }
  ModelAnswer answer;
  if (query.is_grouped()) {
    model_groups(query, rows, answer);
    page(answer.groups, query);
    return answer;
  }
  // The records come by key, and a stable sort leaves ties so.
  std::stable_sort(rows.begin(), rows.end(), [&](const Record& a, const Record& b) {
    for (const OrderPart& part : query.order) {
      const int order = model_order(read(part.attribute, a), read(part.attribute, b));
      if (order != 0) return part.direction == Direction::Ascending ? order < 0 : order > 0;
    }
    return false;
  });
  for (const Record& row : rows) answer.keys.push_back(row.first);
  page(answer.keys, query);
  return answer;
}

bool same_groups(const std::vector<Bytes>& left, const std::vector<Bytes>& right) {
  return std::equal(left.begin(), left.end(), right.begin(), right.end(),
                    [](const Bytes& a, const Bytes& b) { return model_order(a, b) == 0; });
}

IndexDefinition random_index(Gen& gen, std::string name) {
  static constexpr IndexKind kKinds[] = {
      IndexKind::Ordered,  IndexKind::Ordered,  IndexKind::Ordered, IndexKind::Hash,
      IndexKind::Elements, IndexKind::Presence, IndexKind::Unique};
  IndexDefinition definition;
  definition.name = std::move(name);
  definition.kind = gen.pick(kKinds);
  const bool is_simple =
      definition.kind == IndexKind::Elements || definition.kind == IndexKind::Presence;
  const uint64_t parts = is_simple ? 1 : gen.between(1, 3);
  for (uint64_t i = 0; i < parts; ++i) {
    IndexPart part;
    part.attribute = definition.kind == IndexKind::Elements ? field("tags") : random_attribute(gen);
    part.direction = gen.chance(1, 3) ? Direction::Descending : Direction::Ascending;
    definition.parts.push_back(std::move(part));
  }
  return definition;
}

Query random_query(Gen& gen) {
  Query query;
  if (gen.chance(1, 3)) {
    query.where = random_predicate(gen, 3);
  } else {
    // Equality of some attributes and a range of another.
    std::vector<Predicate> conjuncts;
    const uint64_t equalities = gen.below(3);
    for (uint64_t i = 0; i < equalities; ++i) {
      Attribute attribute = random_attribute(gen);
      conjuncts.push_back(equal_to(std::move(attribute), random_field_value(gen)));
    }
    if (gen.coin()) conjuncts.push_back(random_predicate(gen, 0));
    query.where = all_of(std::move(conjuncts));
  }
  if (gen.chance(1, 4)) {
    const uint64_t groups = gen.below(3);
    for (uint64_t i = 0; i < groups; ++i) query.group_by.push_back(random_attribute(gen));
    const uint64_t aggregates = gen.between(groups == 0 ? 1 : 0, 3);
    for (uint64_t i = 0; i < aggregates; ++i) {
      const auto kind = static_cast<AggregateKind>(gen.below(6));
      query.aggregates.push_back(
          {kind, kind == AggregateKind::Count ? field() : random_attribute(gen)});
    }
  } else {
    const uint64_t parts = gen.below(3);
    for (uint64_t i = 0; i < parts; ++i) {
      Attribute attribute = random_attribute(gen);
      const bool down = gen.coin();
      query.order.push_back(
          {std::move(attribute), down ? Direction::Descending : Direction::Ascending});
    }
  }
  if (gen.coin()) query.limit = gen.below(8);
  if (gen.chance(1, 3)) query.offset = gen.below(6);
  return query;
}

}  // namespace topgun
