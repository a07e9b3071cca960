#include "core/query/query.hpp"

#include <doctest/doctest.h>

#include "core/query/executor.hpp"
#include "core/value/value_writer.hpp"
#include "tests/support/encoded_value.hpp"

namespace topgun::query {
namespace {

Query by_key(std::string_view key) {
  Query query;
  query.where = equal_to(record_key(), text(key));
  return query;
}

TEST_CASE("query: the lookup of one record is known by its bytes") {
  CHECK(as_text(*point_lookup_key(encode_query(by_key("order-1")))) == "order-1");
  CHECK(point_lookup_key(encode_query(by_key("")))->empty());
}

TEST_CASE("query: nothing else is taken for a lookup of one record") {
  const auto is_lookup = [](const Query& query) {
    return point_lookup_key(encode_query(query)).has_value();
  };
  Query query = by_key("a");
  query.limit = 1;
  CHECK_FALSE(is_lookup(query));
  query = by_key("a");
  query.where.operands.push_back(text("b"));
  CHECK_FALSE(is_lookup(query));
  query = by_key("a");
  query.where.attribute = field("id");
  CHECK_FALSE(is_lookup(query));
  query = by_key("a");
  query.where.operands[0] = Bytes{0x05};
  CHECK_FALSE(is_lookup(query));
  Bytes longer = encode_query(by_key("a"));
  longer.push_back(0);
  CHECK_FALSE(point_lookup_key(longer));
  Bytes bad_text = encode_query(by_key("a"));
  bad_text.back() = 0xff;
  CHECK_FALSE(point_lookup_key(bad_text));
  CHECK_FALSE(point_lookup_key({}));
}

TEST_CASE("query: what contradicts itself is refused") {
  const auto error_of = [](auto change) {
    Query query = by_key("a");
    change(query);
    const auto decoded = decode_query(encode_query(query));
    return decoded.ok() ? Error::Internal : decoded.error();
  };
  CHECK(error_of([](Query& query) {
          query.group_by = {field("a")};
          query.order = {{field("a")}};
        }) == Error::Malformed);
  CHECK(error_of([](Query& query) {
          query.offset = 1;
          query.after = {1};
        }) == Error::Malformed);
  CHECK(error_of([](Query& query) { query.after = Bytes(kCursorBytesMax + 1); }) ==
        Error::TooLarge);
  CHECK(error_of([](Query& query) {
          query.order = std::vector<OrderPart>(kOrderPartsMax + 1, {field("a")});
        }) == Error::TooLarge);
  CHECK(decode_query(Bytes{2, 0, 1, 0}).error() == Error::UnsupportedVersion);
  CHECK(decode_query(Bytes{1, 0, 1, 0, 0}).error() == Error::Malformed);
}

TEST_CASE("query: a selection is an array, with nil where there is nothing") {
  Bytes record;
  ValueWriter writer(record);
  writer.begin_map(1);
  writer.key("a");
  writer.text("x");
  Query query;
  query.select = {field("a"), field("b"), record_key()};
  const Bytes named = select_value(query, {as_bytes("key"), record});
  CHECK(ValueView(named).at(0)->as_text() == "x");
  CHECK(ValueView(named).at(1)->is_nil());
  CHECK(ValueView(named).at(2)->as_text() == "key");
  const Bytes no_text = {0xff};
  CHECK(ValueView(select_value(query, {no_text, record})).at(2)->type() == ValueType::Binary);
  query.select.clear();
  CHECK(select_value(query, {as_bytes("key"), record}) == record);
}

}  // namespace
}  // namespace topgun::query
