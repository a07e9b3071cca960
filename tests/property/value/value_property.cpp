#include <doctest/doctest.h>

#include <vector>

#include "core/value/value_writer.hpp"
#include "tests/support/property.hpp"
#include "tests/support/random_value.hpp"

namespace topgun {
namespace {

/// Writes a value again through what the view says about it, keys in stored order.
void rewrite(ValueView value, ValueWriter& writer) {
  switch (value.type()) {
    case ValueType::Nil:
      return writer.nil();
    case ValueType::Bool:
      return writer.boolean(value.as_bool().value());
    case ValueType::Number:
      return writer.number(value.as_double().value());
    case ValueType::BigInt:
      return writer.bigint(value.as_bigint().value());
    case ValueType::Text:
      return writer.text(value.as_text().value());
    case ValueType::Binary:
      return writer.binary(value.as_binary().value());
    case ValueType::Date:
      return writer.date(value.as_date().value());
    case ValueType::Extension:
      return writer.extension(value.as_extension()->type, value.as_extension()->payload);
    case ValueType::Array: {
      writer.begin_array(value.size());
      ArrayReader elements = value.elements();
      for (size_t i = 0; i < value.size(); ++i) rewrite(elements.next().value(), writer);
      CHECK_FALSE(elements.next());
      return;
    }
    case ValueType::Map: {
      writer.begin_map(value.size());
      MapReader entries = value.entries();
      for (size_t i = 0; i < value.size(); ++i) {
        const MapEntry entry = entries.next().value();
        writer.key(entry.key);
        rewrite(entry.value, writer);
        CHECK(equal_bytes(value.member(entry.key)->bytes(), entry.value.bytes()));
      }
      CHECK_FALSE(entries.next());
      return;
    }
  }
}

TEST_CASE("value property: what is read and written again is the same value") {
  for_each_seed(20'000, [](Gen& gen) {
    const Bytes bytes = random_value(gen);
    REQUIRE(validate_value(bytes).ok());
    Bytes again;
    ValueWriter writer(again);
    rewrite(ValueView(bytes), writer);
    REQUIRE(validate_value(again).ok());
    CHECK(compare_values(ValueView(bytes), ValueView(again)) == 0);
    CHECK(*canonicalize_value(bytes) == *canonicalize_value(again));
  });
}

TEST_CASE("value property: canonical bytes are their own canonical form and the same value") {
  for_each_seed(20'000, [](Gen& gen) {
    const Bytes bytes = random_value(gen);
    const Bytes canonical = *canonicalize_value(bytes);
    CHECK(*canonicalize_value(canonical) == canonical);
    CHECK(is_canonical_value(canonical));
    CHECK(compare_values(ValueView(bytes), ValueView(canonical)) == 0);
  });
}

TEST_CASE("value property: the order is antisymmetric, and equal means equal canonical bytes") {
  for_each_seed(50'000, [](Gen& gen) {
    const Bytes left = random_value(gen);
    const Bytes right = random_value(gen);
    const int order = compare_values(ValueView(left), ValueView(right));
    CHECK(order == -compare_values(ValueView(right), ValueView(left)));
    CHECK((order == 0) == (*canonicalize_value(left) == *canonicalize_value(right)));
  });
}

TEST_CASE("value property: the order is transitive") {
  for_each_seed(200, [](Gen& gen) {
    std::vector<Bytes> values;
    for (int i = 0; i < 16; ++i) values.push_back(random_value(gen));
    const auto not_above = [](const Bytes& left, const Bytes& right) {
      return compare_values(ValueView(left), ValueView(right)) <= 0;
    };
    for (const Bytes& a : values) {
      for (const Bytes& b : values) {
        if (!not_above(a, b)) continue;
        for (const Bytes& c : values) {
          if (not_above(b, c)) REQUIRE(not_above(a, c));
        }
      }
    }
  });
}

/// An integer of up to 103 bits, and an encoding of it as a number or as a bigint. A few bits set,
/// so that many draws differ only in the last place or not at all.
__extension__ using Wide = __int128;
Wide draw_wide(Gen& gen, Bytes& out) {
  ValueWriter writer(out);
  Wide wide = Wide{1} << gen.below(100);
  wide += static_cast<Wide>(gen.below(3)) - 1;
  const bool negative = gen.coin();
  if (gen.coin()) {
    const auto number = static_cast<double>(wide);
    writer.number(negative ? -number : number);
    const auto rounded = static_cast<Wide>(number);
    return negative ? -rounded : rounded;
  }
  BigInt bigint = {negative && wide != 0, {}};
  for (int shift = 120; shift >= 0; shift -= 8) {
    bigint.magnitude.push_back(static_cast<uint8_t>(wide >> shift));
  }
  writer.bigint(bigint);
  return negative ? -wide : wide;
}

TEST_CASE("value property: numbers and bigints compare as 128-bit integers do") {
  for_each_seed(50'000, [](Gen& gen) {
    Bytes left;
    Bytes right;
    const Wide left_wide = draw_wide(gen, left);
    const Wide right_wide = draw_wide(gen, right);
    const int order = compare_values(ValueView(left), ValueView(right));
    if (left_wide < right_wide) CHECK(order < 0);
    if (left_wide > right_wide) CHECK(order > 0);
    if (left == right) CHECK(order == 0);
  });
}

TEST_CASE("value property: damage is refused or leaves a value that can be walked") {
  for_each_seed(50'000, [](Gen& gen) {
    Bytes bytes = random_value(gen);
    const uint64_t hits = gen.between(1, 3);
    for (uint64_t i = 0; i < hits; ++i) {
      const uint64_t at = gen.below(bytes.size());
      bytes[at] = static_cast<uint8_t>(gen.below(256));
    }
    if (!validate_value(bytes).ok()) return;
    Bytes again;
    ValueWriter writer(again);
    rewrite(ValueView(bytes), writer);
    CHECK(compare_values(ValueView(bytes), ValueView(again)) == 0);
  });
}

}  // namespace
}  // namespace topgun
