#include <doctest/doctest.h>

#include "core/query/ordered_key.hpp"
#include "core/value/value_writer.hpp"
#include "tests/support/property.hpp"
#include "tests/support/random_value.hpp"

namespace topgun::query {
namespace {

int sign(int order) { return order < 0 ? -1 : order > 0 ? 1 : 0; }

Bytes key_of(ByteView value, KeyForm form, Direction direction = Direction::Ascending) {
  Bytes key;
  append_ordered_key(key, ValueView(value), form, direction);
  return key;
}

/// A value, or one like it: neighbours find mistakes that strangers do not.
Bytes random_neighbour(Gen& gen, const Bytes& value) {
  Bytes near = value;
  const uint64_t at = gen.below(near.size());
  near[static_cast<size_t>(at)] = static_cast<uint8_t>(gen.below(256));
  return validate_value(near).ok() ? near : random_value(gen);
}

TEST_CASE("ordered_key property: bytes compare as values do, in either direction") {
  for_each_seed(60'000, [](Gen& gen) {
    const Bytes left = random_value(gen);
    const Bytes right = random_neighbour(gen, left);
    const int order = sign(compare_values(ValueView(left), ValueView(right)));
    const KeyForm form = KeyForm::Exact;
    CHECK(sign(compare_bytes(key_of(left, form), key_of(right, form))) == order);
    CHECK(sign(compare_bytes(key_of(left, form, Direction::Descending),
                             key_of(right, form, Direction::Descending))) == -order);
  });
}

TEST_CASE("ordered_key property: what queries take for equal lies side by side") {
  for_each_seed(60'000, [](Gen& gen) {
    const Bytes left = random_value(gen);
    const Bytes right = random_neighbour(gen, left);
    const int order = compare_values(ValueView(left), ValueView(right));
    const int merged = compare_bytes(key_of(left, KeyForm::Query), key_of(right, KeyForm::Query));
    // Numbers alone: within arrays a tie in front lets what follows decide.
    const auto is_flat = [](const Bytes& value) {
      const ValueType type = ValueView(value).type();
      return type != ValueType::Array && type != ValueType::Map;
    };
    if (is_flat(left) && is_flat(right)) CHECK((merged == 0 || sign(merged) == sign(order)));
    if (order == 0) CHECK(merged == 0);
  });
}

TEST_CASE("ordered_key property: a part reads back as its value, wherever the key goes on") {
  for_each_seed(40'000, [](Gen& gen) {
    const Bytes value = random_value(gen);
    const Direction direction = gen.coin() ? Direction::Ascending : Direction::Descending;
    Bytes key = key_of(value, KeyForm::Exact, direction);
    const size_t size = key.size();
    const Bytes more = gen.bytes(0, 4);
    key.insert(key.end(), more.begin(), more.end());
    const auto part = read_ordered_part(key, direction);
    REQUIRE(part.ok());
    CHECK(part->key_bytes == size);
    CHECK(part->value == *canonicalize_value(value));
  });
}

TEST_CASE("ordered_key property: compound keys compare part by part") {
  for_each_seed(30'000, [](Gen& gen) {
    const Bytes a = random_value(gen);
    const Bytes b = random_neighbour(gen, a);
    const Bytes c = random_value(gen);
    const Bytes d = random_value(gen);
    const Direction second = gen.coin() ? Direction::Ascending : Direction::Descending;
    Bytes left = key_of(a, KeyForm::Exact);
    append_ordered_key(left, ValueView(c), KeyForm::Exact, second);
    Bytes right = key_of(b, KeyForm::Exact);
    append_ordered_key(right, ValueView(d), KeyForm::Exact, second);
    int order = compare_values(ValueView(a), ValueView(b));
    if (order == 0) {
      order = compare_values(ValueView(c), ValueView(d));
      if (second == Direction::Descending) order = -order;
    }
    CHECK(sign(compare_bytes(left, right)) == sign(order));
  });
}

TEST_CASE("ordered_key property: the range of a type holds its values and no others") {
  for_each_seed(30'000, [](Gen& gen) {
    const Bytes operand = random_value(gen);
    const Bytes value = random_value(gen);
    const TypeRange range = comparable_range(ValueView(operand));
    const Bytes key = key_of(value, KeyForm::Query);
    const bool within = compare_bytes(range.begin, key) <= 0 && compare_bytes(key, range.end) < 0;
    const auto kind = [](ValueType type) {
      return type == ValueType::BigInt ? ValueType::Number : type;
    };
    const ValueView view(value);
    const double number = view.as_double().value_or(0);
    const bool comparable =
        kind(view.type()) == kind(ValueView(operand).type()) && number == number;
    CHECK(within == comparable);
  });
}

}  // namespace
}  // namespace topgun::query
