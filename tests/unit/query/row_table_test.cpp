#include "core/query/row_table.hpp"

#include <doctest/doctest.h>

#include "core/value/value_writer.hpp"

namespace topgun::query {
namespace {

/// `{<name>: 0, ...}` with the numbers of the fields as values.
Bytes map_of(const std::vector<std::string>& names) {
  Bytes out;
  ValueWriter writer(out);
  writer.begin_map(names.size());
  for (size_t i = 0; i < names.size(); ++i) {
    writer.key(names[i]);
    writer.integer(static_cast<int64_t>(i));
  }
  return out;
}

std::vector<std::string> names(size_t count) {
  std::vector<std::string> all;
  for (size_t i = 0; i < count; ++i) all.push_back("field" + std::to_string(i));
  return all;
}

TEST_CASE("row_table: a number is not used again before it was released") {
  RowTable rows;
  const Bytes value = map_of({"a"});
  const RowId first = rows.insert(as_bytes("one"), value);
  rows.erase(first, as_bytes("one"));
  CHECK_FALSE(rows.find(as_bytes("one")));
  const RowId second = rows.insert(as_bytes("one"), value);
  CHECK(second != first);
  rows.release_erased();
  CHECK(rows.insert(as_bytes("two"), value) == first);
  CHECK(rows.find(as_bytes("one")) == second);
}

TEST_CASE("row_table: fields are found in values of any size and shape") {
  for (const size_t fields : {1, 9, 32, 33, 60}) {
    CAPTURE(fields);
    RowTable rows;
    const Bytes value = map_of(names(fields));
    const std::string last = "field" + std::to_string(fields - 1);
    const AttributeId before = *rows.attributes().intern(field(last));
    const RowId row = rows.insert(as_bytes("key"), value);
    const AttributeId after = *rows.attributes().intern(field("field0"));
    const AttributeId absent = *rows.attributes().intern(field("none"));
    CHECK(rows.attributes().read(rows.view(row), before)->as_int() == fields - 1);
    CHECK(rows.attributes().read(rows.view(row), after)->as_int() == 0);
    CHECK_FALSE(rows.attributes().read(rows.view(row), absent));
  }
}

TEST_CASE("row_table: keys that are data use up the shapes and are walked then") {
  RowTable rows;
  std::vector<Bytes> values;
  std::vector<std::string> keys;
  for (size_t i = 0; i < ShapeTable::kShapesMax + 10; ++i) {
    keys.push_back(std::to_string(i));
    values.push_back(map_of({"user" + std::to_string(i), "x"}));
  }
  const AttributeId x = *rows.attributes().intern(field("x"));
  for (size_t i = 0; i < keys.size(); ++i) rows.insert(as_bytes(keys[i]), values[i]);
  CHECK(rows.view(0).shape != kNoShape);
  CHECK(rows.view(static_cast<RowId>(keys.size() - 1)).shape == kNoShape);
  for (RowId row = 0; row < rows.row_end(); ++row) {
    REQUIRE(rows.attributes().read(rows.view(row), x)->as_int() == 1);
  }
}

TEST_CASE("row_table: values that are no map have no fields") {
  RowTable rows;
  const Bytes nil = {0xc0};
  const Bytes empty = {0x80};
  const AttributeId x = *rows.attributes().intern(field("x"));
  const AttributeId whole = *rows.attributes().intern(field());
  const RowId first = rows.insert(as_bytes(""), nil);
  const RowId second = rows.insert(as_bytes("b"), empty);
  CHECK_FALSE(rows.attributes().read(rows.view(first), x));
  CHECK_FALSE(rows.attributes().read(rows.view(second), x));
  CHECK(rows.attributes().read(rows.view(first), whole)->is_nil());
  CHECK(rows.find(as_bytes("")) == first);
  rows.replace(first, as_bytes(""), empty);
  CHECK(rows.attributes().read(rows.view(first), whole)->type() == ValueType::Map);
}

TEST_CASE("row_table: a map may have only so many attributes in use") {
  RowTable rows;
  for (size_t i = 0; i < AttributeTable::kAttributesMax; ++i) {
    REQUIRE(rows.attributes().intern(field(std::to_string(i))).ok());
  }
  CHECK(rows.attributes().intern(field("0")).ok());
  CHECK(rows.attributes().intern(field("more")).error() == Error::LimitExceeded);
}

}  // namespace
}  // namespace topgun::query
