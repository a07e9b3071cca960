#include "core/query/ordered_key.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "core/value/value_writer.hpp"
#include "tests/support/records.hpp"

namespace topgun::query {
namespace {

template <typename Write>
Bytes key_of(Write write, KeyForm form = KeyForm::Exact) {
  Bytes value;
  ValueWriter writer(value);
  write(writer);
  Bytes key;
  append_ordered_key(key, ValueView(value), form);
  return key;
}

Bytes number_key(double number, KeyForm form = KeyForm::Exact) {
  return key_of([&](ValueWriter& writer) { writer.number(number); }, form);
}

Bytes bigint_key(bool negative, Bytes magnitude, KeyForm form = KeyForm::Exact) {
  return key_of([&](ValueWriter& writer) { writer.bigint({negative, magnitude}); }, form);
}

TEST_CASE("ordered_key: the layout that stored cursors rely on") {
  Bytes missing;
  append_ordered_key(missing, std::nullopt, KeyForm::Exact);
  CHECK(hex_of(missing) == "08");
  CHECK(hex_of(key_of([](ValueWriter& w) { w.nil(); })) == "10");
  CHECK(hex_of(key_of([](ValueWriter& w) { w.boolean(true); })) == "19");
  CHECK(hex_of(number_key(1)) == "28bff000000000000003");
  CHECK(hex_of(number_key(-1)) == "28400fffffffffffff03");
  CHECK(hex_of(bigint_key(false, {1})) == "28bff000000000000004");
  CHECK(hex_of(key_of([](ValueWriter& w) { w.text("ab"); })) == "40616200");
  CHECK(hex_of(key_of([](ValueWriter& w) { w.text(std::string_view("\0\1\2", 3)); })) ==
        "40010101020200");
  CHECK(hex_of(key_of([](ValueWriter& w) { w.date({0, 1}); })) == "5007dba821800000000001");
  CHECK(hex_of(key_of([](ValueWriter& w) {
          w.begin_map(1);
          w.key("a");
          w.begin_array(1);
          w.nil();
        })) ==
        "60406100581000"
        "00");
}

TEST_CASE("ordered_key: numbers and bigints ascend together") {
  const double infinity = std::numeric_limits<double>::infinity();
  const Bytes huge(200, 0xff);                            // Beyond all doubles.
  const Bytes long_one = {1, 0, 0, 0, 0, 0, 0, 0, 0, 1};  // 2^72 + 1
  const std::vector<Bytes> ascending = {
      number_key(-infinity),
      bigint_key(true, huge),
      number_key(-0x1p72 - 0x1p30),
      bigint_key(true, long_one),
      number_key(-0x1p72),
      number_key(-1),
      bigint_key(true, {1}),
      number_key(-0.5),
      number_key(-0.0),
      number_key(0.0),
      bigint_key(false, {}),
      number_key(0x1p-1074),
      number_key(1),
      bigint_key(false, {1}),
      number_key(0x1p72),
      bigint_key(false, long_one),
      number_key(0x1p72 + 0x1p30),
      number_key(1.7976931348623157e308),
      bigint_key(false, huge),
      number_key(infinity),
      number_key(std::nan("")),
  };
  for (size_t i = 1; i < ascending.size(); ++i) {
    CAPTURE(i);
    CHECK(compare_bytes(ascending[i - 1], ascending[i]) < 0);
  }
}

TEST_CASE("ordered_key: numbers of equal value have one key where queries compare") {
  const KeyForm equal = KeyForm::Query;
  CHECK(number_key(-0.0, equal) == number_key(0.0, equal));
  CHECK(bigint_key(false, {}, equal) == number_key(0, equal));
  CHECK(bigint_key(true, {1, 0}, equal) == number_key(-256, equal));
  CHECK(bigint_key(false, {1, 0, 0, 0, 0, 0, 0, 0, 1}, equal) != number_key(0x1p64, equal));
}

TEST_CASE("ordered_key: a text prefix bounds exactly the texts that begin with it") {
  Bytes prefix;
  append_ordered_text_prefix(prefix, "ab");
  const Bytes end = prefix_end(prefix).value();
  const auto within = [&](std::string_view text) {
    const Bytes key = key_of([&](ValueWriter& w) { w.text(text); });
    return compare_bytes(prefix, key) <= 0 && compare_bytes(key, end) < 0;
  };
  CHECK(within("ab"));
  CHECK(within("abc"));
  CHECK(within(std::string_view("ab\0", 3)));
  CHECK_FALSE(within("aa\xf4\x8f\xbf\xbf"));
  CHECK_FALSE(within("ac"));
  CHECK_FALSE(within("a"));
}

TEST_CASE("ordered_key: bytes that are no part are refused") {
  struct Case {
    const char* name;
    Bytes key;
    Error error;
  };
  const Case cases[] = {
      {"nothing", {}, Error::Truncated},
      {"an unknown tag", {0x77}, Error::Malformed},
      {"text without end", {0x40, 'a'}, Error::Truncated},
      {"half an escape", {0x40, 0x01}, Error::Truncated},
      {"a wrong escape", {0x40, 0x01, 0x03, 0x00}, Error::Malformed},
      {"no UTF-8", {0x40, 0xff, 0x00}, Error::InvalidUtf8},
      {"a number cut off", {0x28, 0xbf}, Error::Truncated},
      {"an unknown tie", {0x28, 0xbf, 0xf0, 0, 0, 0, 0, 0, 0, 0x07}, Error::Malformed},
      {"a rest above its double",
       {0x28, 0xbf, 0xf0, 0, 0, 0, 0, 0, 0, 0x05, 0, 1, 9},
       Error::Malformed},
      {"a date too late", {0x50, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0}, Error::Malformed},
      {"a date that poses as an extension", {0x68, 0x7f, 0, 0, 0, 0, 0}, Error::Malformed},
      {"a map out of order", {0x60, 0x40, 'b', 0, 0x10, 0x40, 'a', 0, 0x10, 0}, Error::Malformed},
      {"an array deeper than any value", Bytes(200, 0x58), Error::TooDeep},
  };
  for (const Case& c : cases) {
    CAPTURE(c.name);
    const auto part = read_ordered_part(c.key);
    REQUIRE_FALSE(part.ok());
    CHECK(part.error() == c.error);
  }
}

}  // namespace
}  // namespace topgun::query
