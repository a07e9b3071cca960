#include "tests/support/random_query.hpp"

#include <cmath>

#include "core/value/value_writer.hpp"
#include "tests/support/random_value.hpp"

namespace topgun {
namespace {

using namespace query;

const char* const kTexts[] = {"open", "closed", "op", "a%b", "Open", "\u00e9t\u00e9", "", "pen"};

void write_number(Gen& gen, ValueWriter& writer) {
  static constexpr double kNumbers[] = {0, 1, 2, 3, -1, 0.5, -0.0, 1e300, 0x1p53};
  switch (gen.below(8)) {
    case 0:
      return writer.number(std::nan(""));
    case 1:
      return writer.bigint({false, gen.coin() ? Bytes{} : Bytes{1}});
    case 2:
      return writer.bigint({true, {2}});
    default:
      return writer.number(gen.pick(kNumbers));
  }
}

void write_field(Gen& gen, ValueWriter& writer, uint32_t depth_left) {
  switch (gen.below(depth_left > 0 ? 12 : 9)) {
    case 0:
      return writer.nil();
    case 1:
      return writer.boolean(gen.coin());
    case 2:
    case 3:
    case 4:
      return write_number(gen, writer);
    case 5:
    case 6:
    case 7:
      return writer.text(gen.pick(kTexts));
    case 8:
      return writer.date({static_cast<int64_t>(gen.below(3)), 0});
    case 9: {
      const Bytes value = random_value(gen);
      return writer.encoded(ValueView(value));
    }
    default: {
      const uint64_t count = gen.below(4);
      writer.begin_array(count);
      for (uint64_t i = 0; i < count; ++i) write_field(gen, writer, depth_left - 1);
    }
  }
}

Bytes random_text(Gen& gen) {
  static const char* const kPatterns[] = {"o%", "%en", "%e%",   "_pen", "op",
                                          "%",  "\\%", "a\\%b", ""};
  Bytes out;
  const bool is_pattern = gen.coin();
  ValueWriter(out).text(is_pattern ? gen.pick(kPatterns) : gen.pick(kTexts));
  return out;
}

Predicate random_test(Gen& gen) {
  Attribute attribute = random_attribute(gen);
  const auto operands = [&](uint64_t max) {
    std::vector<Bytes> values;
    const uint64_t count = gen.below(max + 1);
    for (uint64_t i = 0; i < count; ++i) values.push_back(random_field_value(gen));
    return values;
  };
  switch (gen.below(12)) {
    case 0:
    case 1:
      return equal_to(attribute, random_field_value(gen));
    case 2:
      return is_in(attribute, operands(gen.coin() ? 3 : 12));
    case 3:
      return less_than(attribute, random_field_value(gen));
    case 4:
      return at_most(attribute, random_field_value(gen));
    case 5:
      return greater_than(attribute, random_field_value(gen));
    case 6:
      return at_least(attribute, random_field_value(gen));
    case 7: {
      const Bytes low = random_field_value(gen);
      const Bytes high = random_field_value(gen);
      return between(attribute, low, high);
    }
    case 8:
      return is_missing(attribute);
    case 9: {
      static constexpr PredicateKind kKinds[] = {PredicateKind::Like, PredicateKind::LikeAnyCase,
                                                 PredicateKind::Prefix, PredicateKind::Suffix};
      const PredicateKind kind = gen.pick(kKinds);
      return test(kind, attribute, {random_text(gen)});
    }
    case 10:
      return test(PredicateKind::ContainsAny, attribute, operands(3));
    default:
      return test(PredicateKind::ContainsAll, attribute, operands(2));
  }
}

}  // namespace

Attribute random_attribute(Gen& gen) {
  switch (gen.below(9)) {
    case 0:
    case 1:
      return field("status");
    case 2:
    case 3:
      return field("age");
    case 4:
      return field("tags");
    case 5:
      return field("tags", "0");
    case 6:
      return field("home", "city");
    case 7:
      return field();
    default:
      return record_key();
  }
}

Bytes random_field_value(Gen& gen) {
  Bytes out;
  ValueWriter writer(out);
  write_field(gen, writer, 1);
  return out;
}

Bytes random_record_value(Gen& gen) {
  Bytes out;
  ValueWriter writer(out);
  if (gen.chance(1, 12)) {
    write_field(gen, writer, 2);
    return out;
  }
  const bool has_status = gen.chance(5, 6);
  const bool has_age = gen.chance(5, 6);
  const bool has_tags = gen.chance(2, 3);
  const bool has_home = gen.chance(2, 3);
  const uint64_t padding = gen.chance(1, 10) ? 300 : gen.below(4);
  writer.begin_map(size_t{1} + has_status + has_age + has_tags + has_home);
  writer.key("a");
  writer.text(std::string(static_cast<size_t>(padding), 'x'));
  const bool status_first = gen.coin();
  const auto write_status = [&] {
    writer.key("status");
    if (gen.chance(3, 4)) {
      writer.text(gen.pick(kTexts));
    } else {
      write_field(gen, writer, 1);
    }
  };
  if (has_status && status_first) write_status();
  if (has_age) {
    writer.key("age");
    if (gen.chance(3, 4)) {
      write_number(gen, writer);
    } else {
      write_field(gen, writer, 1);
    }
  }
  if (has_tags) {
    writer.key("tags");
    const uint64_t count = gen.below(4);
    writer.begin_array(count);
    for (uint64_t i = 0; i < count; ++i) write_field(gen, writer, 1);
  }
  if (has_home) {
    writer.key("home");
    writer.begin_map(1);
    writer.key("city");
    write_field(gen, writer, 1);
  }
  if (has_status && !status_first) write_status();
  return out;
}

Predicate random_predicate(Gen& gen, uint32_t depth) {
  if (depth == 0 || gen.chance(1, 3)) return random_test(gen);
  if (gen.chance(1, 5)) return negation(random_predicate(gen, depth - 1));
  std::vector<Predicate> children;
  const bool is_and = gen.coin();
  const uint64_t count = gen.below(4);
  for (uint64_t i = 0; i < count; ++i) children.push_back(random_predicate(gen, depth - 1));
  return is_and ? all_of(std::move(children)) : any_of(std::move(children));
}

}  // namespace topgun
