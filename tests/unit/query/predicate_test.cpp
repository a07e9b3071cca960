#include "core/query/predicate.hpp"

#include <doctest/doctest.h>

#include <cmath>

#include "core/query/matcher.hpp"
#include "core/query/normalize.hpp"
#include "core/value/value_writer.hpp"
#include "tests/support/encoded_value.hpp"

namespace topgun::query {
namespace {

Bytes bigint(uint8_t value) {
  Bytes out;
  ValueWriter(out).bigint({false, {value}});
  return out;
}

const Bytes kNil = {0xc0};

/// `{"x": value}`, or an empty map.
Bytes record_with(const std::optional<Bytes>& value) {
  Bytes out;
  ValueWriter writer(out);
  writer.begin_map(value ? 1 : 0);
  if (value) writer.key("x");
  if (value) writer.encoded(ValueView(*value));
  return out;
}

bool holds(const Predicate& predicate, const std::optional<Bytes>& value) {
  AttributeTable attributes;
  auto matcher = Matcher::make(predicate, attributes);
  const Bytes record = record_with(value);
  return matcher->matches({as_bytes("key"), record});
}

TEST_CASE("predicate: what docs/queries.md says of particular values") {
  const Attribute x = field("x");
  const Bytes nan = number(std::nan(""));
  struct Case {
    const char* name;
    Predicate predicate;
    std::optional<Bytes> value;
    bool expected;
  };
  const Case cases[] = {
      {"equality ignores how a number is written", equal_to(x, number(1)), bigint(1), true},
      {"minus zero is zero", equal_to(x, number(0)), number(-0.0), true},
      {"NaN is equal to itself", equal_to(x, nan), nan, true},
      {"a number is not its text", equal_to(x, number(1)), text("1"), false},
      {"missing is equal to nil", equal_to(x, kNil), std::nullopt, true},
      {"nil is equal to nil", equal_to(x, kNil), kNil, true},
      {"nil is no number", equal_to(x, number(0)), kNil, false},
      {"missing is unlike every number", not_equal_to(x, number(1)), std::nullopt, true},
      {"nil is not missing", is_missing(x), kNil, false},
      {"missing is missing", is_missing(x), std::nullopt, true},
      {"a range takes bigints", greater_than(x, number(0)), bigint(1), true},
      {"a range of numbers leaves text out", greater_than(x, number(0)), text("z"), false},
      {"a range of numbers leaves nil out", less_than(x, number(0)), kNil, false},
      {"NaN is above nothing", greater_than(x, number(0)), nan, false},
      {"nothing is below NaN", at_most(x, nan), number(1), false},
      {"ends of two types hold nothing", between(x, number(0), text("z")), number(1), false},
      {"nothing is below nil", less_than(x, kNil), std::nullopt, false},
      {"nil is at most nil", at_most(x, kNil), std::nullopt, true},
      {"an empty list holds nothing", is_in(x, {}), kNil, false},
      {"like takes the whole text", test(PredicateKind::Like, x, {text("a_c")}), text("abcd"),
       false},
      {"one character may be several bytes", test(PredicateKind::Like, x, {text("a_c")}),
       text("a\u20acc"), true},
      {"an escaped percent sign is one", test(PredicateKind::Like, x, {text("50\\%")}), text("50%"),
       true},
      {"case counts", test(PredicateKind::Like, x, {text("ABC")}), text("abc"), false},
      {"unless it does not", test(PredicateKind::LikeAnyCase, x, {text("A%")}), text("abc"), true},
      {"like leaves numbers out", test(PredicateKind::Like, x, {text("%")}), number(1), false},
      {"all of nothing is in any text", test(PredicateKind::ContainsAll, x, {}), text(""), true},
      {"but not where there is none", test(PredicateKind::ContainsAll, x, {}), std::nullopt, false},
  };
  for (const Case& c : cases) {
    CAPTURE(c.name);
    CHECK(holds(c.predicate, c.value) == c.expected);
    CHECK(holds(normalize(c.predicate), c.value) == c.expected);
  }
}

TEST_CASE("predicate: the normal form brings together what says the same") {
  const Attribute x = field("x");
  struct Case {
    const char* name;
    Predicate predicate;
    Predicate normal;
  };
  const Predicate never = any_of({});
  const Case cases[] = {
      {"ranges meet",
       all_of({at_least(x, number(1)), less_than(x, number(5)), greater_than(x, number(1))}),
       all_of({greater_than(x, number(1)), less_than(x, number(5))})},
      {"ranges that miss each other", all_of({less_than(x, number(1)), greater_than(x, number(1))}),
       never},
      {"a range of one", between(x, number(1), bigint(1)), equal_to(x, number(1))},
      {"or becomes in", any_of({equal_to(x, number(2)), equal_to(x, number(1))}),
       is_in(x, {number(1), number(2)})},
      {"in within a range",
       all_of({is_in(x, {number(1), text("a"), number(9)}), less_than(x, number(5))}),
       equal_to(x, number(1))},
      {"not of or", negation(any_of({is_missing(x), less_than(x, number(1))})),
       all_of({negation(is_missing(x)), negation(less_than(x, number(1)))})},
      {"unequal to two", all_of({not_equal_to(x, number(2)), not_equal_to(x, number(1))}),
       negation(is_in(x, {number(1), number(2)}))},
      {"equal and unequal", all_of({equal_to(x, number(1)), not_equal_to(x, bigint(1))}), never},
  };
  for (const Case& c : cases) {
    CAPTURE(c.name);
    CHECK(encode_predicate(normalize(c.predicate)) == encode_predicate(normalize(c.normal)));
  }
  CHECK(normalize(never).kind == PredicateKind::False);
  CHECK(normalize(cases[0].predicate).kind == PredicateKind::Range);
}

TEST_CASE("predicate: bytes that are none are refused") {
  const auto decode = [](const Predicate& predicate) {
    return decode_predicate(encode_predicate(predicate)).error();
  };
  Predicate deep = equal_to(field("x"), kNil);
  for (uint32_t i = 0; i < kPredicateDepthMax; ++i) deep = negation(std::move(deep));
  CHECK(decode(deep) == Error::TooDeep);
  CHECK(decode(all_of(std::vector<Predicate>(kPredicateNodesMax))) == Error::TooLarge);
  CHECK(decode(is_in(field("x"), std::vector<Bytes>(kPredicateOperandsMax + 1, kNil))) ==
        Error::TooLarge);
  CHECK(decode(test(PredicateKind::Like, field("x"), {number(1)})) == Error::Malformed);
  CHECK(decode(test(PredicateKind::Like, field("x"), {})) == Error::Malformed);
  CHECK(decode(test(PredicateKind::Prefix, field("x"), {text(std::string(2000, 'a'))})) ==
        Error::TooLarge);
  CHECK(decode(equal_to(field("x"), Bytes{0xc1})) == Error::Malformed);
  CHECK(decode(equal_to(field(std::string("\xff")), kNil)) == Error::InvalidUtf8);
  CHECK(decode(equal_to(field(std::string(300, 'a')), kNil)) == Error::TooLarge);
  CHECK(decode_predicate(Bytes{2, 0}).error() == Error::UnsupportedVersion);
  CHECK(decode_predicate(Bytes{1, 9}).error() == Error::Malformed);
  CHECK(decode_predicate(Bytes{1, 0, 0}).error() == Error::Malformed);
}

}  // namespace
}  // namespace topgun::query
