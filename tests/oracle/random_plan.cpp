#include "tests/oracle/random_plan.hpp"

#include "core/value/value_writer.hpp"
#include "tests/support/query_world.hpp"
#include "tests/support/random_query.hpp"

namespace topgun::oracle {
namespace {

using namespace query;

void write_plain(Gen& gen, ValueWriter& writer) {
  static constexpr const char* kTexts[] = {"a", "b", "ab", "k1", "k2", "k3"};
  static constexpr double kNumbers[] = {0, 1, 2, 3, -1, 0.5};
  switch (gen.below(5)) {
    case 0:
      return writer.nil();
    case 1:
    case 2:
      return writer.text(gen.pick(kTexts));
    default:
      return writer.number(gen.pick(kNumbers));
  }
}

Bytes plain_value(Gen& gen) {
  Bytes out;
  ValueWriter writer(out);
  write_plain(gen, writer);
  return out;
}

Bytes not_nil(Gen& gen) {
  for (;;) {
    Bytes value = plain_value(gen);
    if (!ValueView(value).is_nil()) return value;
  }
}

Attribute plain_attribute(Gen& gen) {
  switch (gen.below(4)) {
    case 0:
      return field("status");
    case 1:
      return field("age");
    case 2:
      return field("city");
    default:
      return record_key();
  }
}

Predicate plain_test(Gen& gen) {
  Attribute attribute = plain_attribute(gen);
  switch (gen.below(7)) {
    case 0:
    case 1:
      return equal_to(attribute, plain_value(gen));
    case 2: {
      std::vector<Bytes> operands;
      const uint64_t count = gen.below(4);
      for (uint64_t i = 0; i < count; ++i) operands.push_back(plain_value(gen));
      return is_in(attribute, std::move(operands));
    }
    case 3:
      return less_than(attribute, not_nil(gen));
    case 4:
      return at_least(attribute, not_nil(gen));
    case 5:
      return is_missing(attribute);
    default: {
      Bytes prefix;
      const bool is_a = gen.coin();
      ValueWriter(prefix).text(is_a ? "a" : "k");
      return test(PredicateKind::Prefix, attribute, {prefix});
    }
  }
}

Predicate plain_predicate(Gen& gen, uint32_t depth) {
  if (depth == 0 || gen.chance(1, 3)) return plain_test(gen);
  if (gen.chance(1, 5)) return negation(plain_predicate(gen, depth - 1));
  std::vector<Predicate> children;
  const bool is_and = gen.coin();
  const uint64_t count = gen.between(1, 3);
  for (uint64_t i = 0; i < count; ++i) children.push_back(plain_predicate(gen, depth - 1));
  return is_and ? all_of(std::move(children)) : any_of(std::move(children));
}

/// Views of groups and joins hold arrays.
Attribute any_attribute(Gen& gen, Flavour flavour) {
  if (flavour == Flavour::Plain) return plain_attribute(gen);
  switch (gen.below(8)) {
    case 0:
      return field("0");
    case 1:
      return field("1");
    case 2:
      return field("0", "status");
    default:
      return random_attribute(gen);
  }
}

Predicate any_predicate(Gen& gen, Flavour flavour, uint32_t depth) {
  return flavour == Flavour::Plain ? plain_predicate(gen, depth) : random_predicate(gen, depth);
}

uint8_t random_side(Gen& gen, const Query& query) {
  for (;;) {
    const uint64_t side = gen.below(query.sides());
    if (query.has_side(static_cast<size_t>(side))) return static_cast<uint8_t>(side);
  }
}

void spread_over_sides(Gen& gen, Predicate& predicate, const Query& query) {
  if (predicate.kind >= PredicateKind::In) predicate.attribute.side = random_side(gen, query);
  for (Predicate& child : predicate.children) spread_over_sides(gen, child, query);
}

Attribute joining_attribute(Gen& gen, Flavour flavour) {
  switch (gen.below(4)) {
    case 0:
      return record_key();
    case 1:
      return field("age");
    case 2:
      return field("status");
    default:
      return any_attribute(gen, flavour);
  }
}

void add_joins(Gen& gen, Flavour flavour, Query& query, const std::vector<std::string>& relations) {
  const uint64_t joins = gen.chance(1, 3) ? 0 : gen.between(1, 3);
  for (uint64_t i = 0; i < joins; ++i) {
    Join join;
    join.map = gen.pick(relations);
    const bool is_inner = gen.coin();
    const uint64_t other = gen.between(1, 3);
    join.kind = is_inner ? JoinKind::Inner : static_cast<JoinKind>(other);
    const uint64_t pairs = gen.chance(1, 4) ? 2 : 1;
    for (uint64_t pair = 0; pair < pairs; ++pair) {
      const uint8_t side = random_side(gen, query);
      Attribute left = joining_attribute(gen, flavour);
      Attribute right = joining_attribute(gen, flavour);
      join.on.push_back({on_side(side, std::move(left)), std::move(right)});
    }
    if (gen.chance(1, 3)) join.where = any_predicate(gen, flavour, 1);
    query.joins.push_back(std::move(join));
  }
}

}  // namespace

Bytes random_record(Gen& gen, Flavour flavour) {
  if (flavour == Flavour::Any) return random_record_value(gen);
  Bytes out;
  ValueWriter writer(out);
  writer.begin_map(3);
  for (const char* const name : {"age", "city", "status"}) {
    writer.key(name);
    write_plain(gen, writer);
  }
  return out;
}

Query random_plan(Gen& gen, Flavour flavour, Use use, const std::vector<std::string>& relations) {
  Query query;
  add_joins(gen, flavour, query, relations);
  const uint64_t depth = gen.below(3);
  if (gen.chance(2, 3)) {
    query.where = any_predicate(gen, flavour, static_cast<uint32_t>(depth));
    spread_over_sides(gen, query.where, query);
  }
  const auto attribute = [&] {
    const uint8_t side = random_side(gen, query);
    return on_side(side, any_attribute(gen, flavour));
  };
  if (gen.chance(1, 3)) {
    const uint64_t groups = gen.below(3);
    for (uint64_t i = 0; i < groups; ++i) query.group_by.push_back(attribute());
    const uint64_t aggregates = gen.between(groups == 0 ? 1 : 0, 3);
    for (uint64_t i = 0; i < aggregates; ++i) {
      const auto kind = static_cast<AggregateKind>(gen.below(6));
      query.aggregates.push_back({kind, kind == AggregateKind::Count ? field() : attribute()});
    }
  } else {
    const uint64_t parts = gen.below(3);
    for (uint64_t i = 0; i < parts; ++i) {
      OrderPart part;
      part.attribute = attribute();
      part.direction = gen.coin() ? Direction::Descending : Direction::Ascending;
      query.order.push_back(std::move(part));
    }
    const uint64_t selected = gen.chance(1, 3) ? gen.between(1, 2) : 0;
    for (uint64_t i = 0; i < selected; ++i) query.select.push_back(attribute());
  }
  if (query.is_grouped() && use == Use::Live) return query;
  if (gen.coin()) query.limit = gen.below(6);
  if (gen.chance(1, 4)) query.offset = gen.below(4);
  return query;
}

IndexDefinition random_plan_index(Gen& gen, Flavour flavour, std::string name) {
  if (flavour == Flavour::Any) return random_index(gen, std::move(name));
  IndexDefinition definition;
  definition.name = std::move(name);
  definition.kind = gen.coin() ? IndexKind::Ordered : IndexKind::Hash;
  const uint64_t parts = gen.between(1, 2);
  for (uint64_t i = 0; i < parts; ++i) {
    IndexPart part;
    part.attribute = plain_attribute(gen);
    part.direction = gen.chance(1, 3) ? Direction::Descending : Direction::Ascending;
    definition.parts.push_back(std::move(part));
  }
  return definition;
}

}  // namespace topgun::oracle
