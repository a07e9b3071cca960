#include <doctest/doctest.h>

#include <limits>
#include <string>

#include "core/value/value_writer.hpp"

namespace topgun {
namespace {

Bytes encoded(auto write) {
  Bytes out;
  ValueWriter writer(out);
  write(writer);
  return out;
}

Bytes nested_arrays(size_t depth) {
  Bytes out(depth, 0x91);
  out.push_back(0xc0);
  return out;
}

Error error_of(const Bytes& bytes, const ValueLimits& limits = {}) {
  const auto result = validate_value(bytes, limits);
  REQUIRE_FALSE(result.ok());
  return result.error();
}

TEST_CASE("value: depth counts containers and is bounded") {
  CHECK(validate_value(nested_arrays(32)).ok());
  CHECK(error_of(nested_arrays(33)) == Error::TooDeep);
  CHECK(validate_value(nested_arrays(0), {.depth_max = 0}).ok());
  CHECK(error_of(nested_arrays(1), {.depth_max = 0}) == Error::TooDeep);
  CHECK(error_of({0x90}, {.depth_max = 0}) == Error::TooDeep);
}

TEST_CASE("value: no limit raises the depth above its ceiling") {
  CHECK(validate_value(nested_arrays(kValueDepthMax), {.depth_max = 100'000}).ok());
  CHECK(error_of(nested_arrays(kValueDepthMax + 1), {.depth_max = 100'000}) == Error::TooDeep);
}

TEST_CASE("value: the size is bounded before anything is read") {
  CHECK(validate_value(Bytes{0xa1, 'x'}, {.bytes_max = 2}).ok());
  CHECK(error_of({0xa2, 'x', 'y'}, {.bytes_max = 2}) == Error::TooLarge);
}

TEST_CASE("value: a canonical form larger than the limit is refused") {
  const Bytes float32 = {0xca, 0x3f, 0xc0, 0, 0};
  CHECK(canonicalize_value(float32, {.bytes_max = 9}).ok());
  const auto result = canonicalize_value(float32, {.bytes_max = 8});
  REQUIRE_FALSE(result.ok());
  CHECK(result.error() == Error::TooLarge);
}

TEST_CASE("value: every strict prefix of a value is refused") {
  const Bytes whole = encoded([](ValueWriter& writer) {
    writer.begin_map(3);
    writer.key("a");
    writer.begin_array(2);
    writer.text("h\u00e9llo");
    writer.number(0.5);
    writer.key("b");
    writer.date({1, 5});
    writer.key("c");
    writer.integer(INT64_MIN);
  });
  REQUIRE(validate_value(whole).ok());
  for (size_t size = 0; size < whole.size(); ++size) {
    CAPTURE(size);
    CHECK_FALSE(validate_value(ByteView(whole).first(size)).ok());
  }
}

TEST_CASE("value: a question about another type has no answer") {
  const Bytes text = encoded([](ValueWriter& writer) { writer.text("x"); });
  const ValueView view(text);
  CHECK(view.type() == ValueType::Text);
  CHECK_FALSE(view.as_bool());
  CHECK_FALSE(view.as_int());
  CHECK_FALSE(view.as_double());
  CHECK_FALSE(view.as_binary());
  CHECK_FALSE(view.as_date());
  CHECK_FALSE(view.as_bigint());
  CHECK_FALSE(view.as_extension());
  CHECK_FALSE(view.at(0));
  CHECK_FALSE(view.member("x"));
  CHECK(view.size() == 0);
  CHECK_FALSE(ValueView().as_text());
  CHECK(ValueView().is_nil());
}

TEST_CASE("value: as_int answers for every exact 64-bit integer") {
  struct Case {
    const char* name;
    Bytes bytes;
    std::optional<int64_t> integer;
  };
  const Case cases[] = {
      {"fixint", {0x05}, 5},
      {"negative fixint", {0xff}, -1},
      {"smallest int64", {0xd3, 0x80, 0, 0, 0, 0, 0, 0, 0}, INT64_MIN},
      {"2^63 as uint64", {0xcf, 0x80, 0, 0, 0, 0, 0, 0, 0}, std::nullopt},
      {"integral double", {0xcb, 0x40, 0x14, 0, 0, 0, 0, 0, 0}, 5},
      {"double 2^63", {0xcb, 0x43, 0xe0, 0, 0, 0, 0, 0, 0}, std::nullopt},
      {"double -2^63", {0xcb, 0xc3, 0xe0, 0, 0, 0, 0, 0, 0}, INT64_MIN},
      {"fraction", {0xcb, 0x3f, 0xe0, 0, 0, 0, 0, 0, 0}, std::nullopt},
      {"NaN", {0xcb, 0x7f, 0xf8, 0, 0, 0, 0, 0, 0}, std::nullopt},
      {"minus zero", {0xcb, 0x80, 0, 0, 0, 0, 0, 0, 0}, 0},
      {"bigint -2", {0xd5, 0x01, 0x01, 0x02}, -2},
      {"bigint zero", {0xd4, 0x01, 0x00}, 0},
      {"bigint -2^63", {0xc7, 9, 0x01, 0x01, 0x80, 0, 0, 0, 0, 0, 0, 0}, INT64_MIN},
      {"bigint 2^63", {0xc7, 9, 0x01, 0x00, 0x80, 0, 0, 0, 0, 0, 0, 0}, std::nullopt},
      {"bigint 2^64", {0xc7, 10, 0x01, 0x00, 1, 0, 0, 0, 0, 0, 0, 0, 0}, std::nullopt},
  };
  for (const Case& c : cases) {
    CAPTURE(c.name);
    REQUIRE(validate_value(c.bytes).ok());
    CHECK(ValueView(c.bytes).as_int() == c.integer);
  }
}

TEST_CASE("value: integers beyond 2^53 are bigints, up to it numbers") {
  const Bytes at = encoded([](ValueWriter& writer) { writer.integer(kNumberIntegerMax); });
  const Bytes beyond = encoded([](ValueWriter& writer) { writer.integer(kNumberIntegerMax + 1); });
  CHECK(ValueView(at).type() == ValueType::Number);
  CHECK(ValueView(at).as_double() == 0x1p53);
  CHECK(ValueView(beyond).type() == ValueType::BigInt);
  CHECK_FALSE(ValueView(beyond).as_double());
  CHECK(ValueView(beyond).as_int() == kNumberIntegerMax + 1);
  CHECK(ValueView(beyond).as_bigint() == BigInt{false, {0x20, 0, 0, 0, 0, 0, 1}});
}

TEST_CASE("value: a MessagePack integer beyond 2^53 reads as a bigint") {
  const Bytes bytes = {0xcf, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
  CHECK(ValueView(bytes).type() == ValueType::BigInt);
  CHECK(ValueView(bytes).as_bigint() == BigInt{false, Bytes(8, 0xff)});
  const Bytes written = encoded([](ValueWriter& writer) { writer.unsigned_integer(UINT64_MAX); });
  CHECK(*canonicalize_value(bytes) == written);
}

TEST_CASE("value: members and paths are found in place") {
  const Bytes bytes = encoded([](ValueWriter& writer) {
    writer.begin_map(2);
    writer.key("a");
    writer.begin_map(1);
    writer.key("b");
    writer.begin_array(2);
    writer.text("first");
    writer.begin_map(1);
    writer.key("c");
    writer.integer(7);
    writer.key("b");
    writer.integer(8);
  });
  const ValueView root = *ValueView::parse(bytes);
  using Path = std::vector<std::string_view>;
  CHECK(root.size() == 2);
  CHECK(root.member("b")->as_int() == 8);
  CHECK(root.at_path(Path{})->size() == 2);
  CHECK(root.at_path(Path{"a", "b", "0"})->as_text() == "first");
  CHECK(root.at_path(Path{"a", "b", "1", "c"})->as_int() == 7);
  for (const Path& missing :
       {Path{"c"}, Path{"a", "b", "2"}, Path{"a", "b", "01"}, Path{"a", "b", ""},
        Path{"a", "b", "x"}, Path{"b", "0"}, Path{"a", "b", "99999999999"}}) {
    CHECK_FALSE(root.at_path(missing));
  }
}

TEST_CASE("value: milliseconds of a date round towards the past") {
  CHECK(ValueDate{0, 999'999}.milliseconds() == 0);
  CHECK(ValueDate{-1, 999'000'000}.milliseconds() == -1);
  CHECK(ValueDate{-1, 999'999'999}.milliseconds() == -1);
  for (const int64_t milliseconds :
       {int64_t{0}, int64_t{1}, int64_t{-1}, int64_t{-1000}, int64_t{-1001}, kDateSecondsMax * 1000,
        -kDateSecondsMax * 1000}) {
    CAPTURE(milliseconds);
    CHECK(ValueDate::from_milliseconds(milliseconds).milliseconds() == milliseconds);
  }
}

TEST_CASE("value: a view over bytes that nobody validated stays inside them") {
  const Bytes inputs[] = {{},
                          {0xc1},
                          {0xdf, 0xff, 0xff, 0xff, 0xff},
                          {0x92, 0xa5, 'x'},
                          {0xdb},
                          {0x82, 0x01, 0x02},
                          {0xc7, 0x00, 0x01},
                          nested_arrays(5000)};
  for (const Bytes& input : inputs) {
    const ValueView view(input);
    ArrayReader elements = view.elements();
    MapReader entries = view.entries();
    CHECK_FALSE((elements.next() && elements.next()));
    CHECK_FALSE(entries.next());
    CHECK_FALSE(view.at(1));
    CHECK(compare_values(view, view) == 0);
  }
}

TEST_CASE("value: maps compare by sorted entries whatever their stored order") {
  const Bytes ordered = {0x82, 0xa1, 'a', 1, 0xa1, 'b', 2};
  const Bytes shuffled = {0x82, 0xa1, 'b', 2, 0xa1, 'a', 1};
  const Bytes larger = {0x82, 0xa1, 'b', 3, 0xa1, 'a', 1};
  CHECK(compare_values(ValueView(ordered), ValueView(shuffled)) == 0);
  CHECK(compare_values(ValueView(shuffled), ValueView(larger)) < 0);
  CHECK(compare_values(ValueView(larger), ValueView(ordered)) > 0);
}

TEST_CASE("value: keys may come in any order but only once") {
  CHECK(validate_value(Bytes{0x82, 0xa1, 'b', 2, 0xa1, 'a', 1}).ok());
  CHECK(error_of({0x82, 0xa1, 'a', 2, 0xa1, 'a', 1}) == Error::Malformed);
  CHECK(error_of({0x83, 0xa1, 'a', 2, 0xa1, 'b', 1, 0xa1, 'a', 3}) == Error::Malformed);
  // A key of an inner map does not collide with one of the outer map.
  CHECK(
      validate_value(Bytes{0x82, 0xa1, 'b', 0x82, 0xa1, 'b', 1, 0xa1, 'a', 2, 0xa1, 'a', 1}).ok());
  CHECK(error_of({0x82, 0xa1, 'b', 0x82, 0xa1, 'a', 1, 0xa1, 'a', 2, 0xa1, 'a', 1}) ==
        Error::Malformed);
}

TEST_CASE("value: the writer stores the shortest form of an integer") {
  struct Case {
    int64_t integer;
    size_t size;
  };
  const Case cases[] = {{0, 1},
                        {127, 1},
                        {128, 2},
                        {255, 2},
                        {256, 3},
                        {65535, 3},
                        {65536, 5},
                        {4294967295, 5},
                        {4294967296, 9},
                        {-1, 1},
                        {-32, 1},
                        {-33, 2},
                        {-128, 2},
                        {-129, 3},
                        {-32768, 3},
                        {-32769, 5},
                        {-2147483648, 5},
                        {-2147483649, 9},
                        {kNumberIntegerMax, 9},
                        {-kNumberIntegerMax, 9}};
  for (const Case& c : cases) {
    CAPTURE(c.integer);
    const Bytes bytes = encoded([&](ValueWriter& writer) { writer.integer(c.integer); });
    CHECK(bytes.size() == c.size);
    CHECK(ValueView(bytes).as_int() == c.integer);
    CHECK(is_canonical_value(bytes));
  }
}

TEST_CASE("value: text of every head size survives") {
  for (const size_t size : {0, 31, 32, 255, 256, 65535, 65536}) {
    CAPTURE(size);
    const std::string text(size, 'x');
    const Bytes bytes = encoded([&](ValueWriter& writer) { writer.text(text); });
    CHECK(ValueView::parse(bytes)->as_text() == text);
    CHECK(is_canonical_value(bytes));
  }
}

TEST_CASE("value: containers of every head size survive") {
  for (const size_t count : {0, 15, 16, 65535, 65536}) {
    CAPTURE(count);
    const Bytes bytes = encoded([&](ValueWriter& writer) {
      writer.begin_array(count);
      for (size_t i = 0; i < count; ++i) writer.nil();
    });
    CHECK(ValueView::parse(bytes)->size() == count);
    CHECK(is_canonical_value(bytes));
  }
}

}  // namespace
}  // namespace topgun
