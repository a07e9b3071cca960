#pragma once

#include <doctest/doctest.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/dataflow/edit.hpp"
#include "core/query/query.hpp"
#include "core/value/value_writer.hpp"

namespace topgun {

using dataflow::Edit;
using dataflow::GroupEdit;

/// What a client knows of one query, from what it was told alone.
struct ToldAnswer {
  query::Query query;
  bool live = false;
  bool is_answered = false;
  /// A record's key, or those of a combination's records, each with its side in front.
  using Row = std::pair<std::string, Bytes>;

  std::vector<Row> rows;
  std::map<Bytes, Bytes> groups;

  void take_answer(ByteReader& in) {
    is_answered = true;
    rows.clear();
    groups.clear();
    kind_ = in.u8();
    const bool is_grouped = kind_ == kGroups;
    REQUIRE(is_grouped == query.is_grouped());
    REQUIRE(is_joined() == (!is_grouped && !query.joins.empty()));
    if (is_joined()) REQUIRE(in.varint() == query.sides());
    for (uint64_t count = in.varint(); count > 0; --count) {
      if (!is_grouped) {
        rows.push_back(take_row(in));
        continue;
      }
      const ByteView key = in.blob(SIZE_MAX);
      groups[to_bytes(key)] = to_bytes(in.blob(SIZE_MAX));
    }
    in.blob(SIZE_MAX);
    REQUIRE(in.at_end());
  }

  void take_steps(ByteReader& in) {
    REQUIRE(is_answered);
    for (uint64_t count = in.varint(); count > 0; --count) {
      query.is_grouped() ? take_group_step(in) : take_row_step(in);
    }
    REQUIRE(in.at_end());
  }

 private:
  static constexpr uint8_t kGroups = 1;
  static constexpr uint8_t kCombinations = 3;
  static constexpr uint8_t kSelectedCombinations = 5;

  bool is_joined() const { return kind_ == kCombinations || kind_ == kSelectedCombinations; }

  Row take_row(ByteReader& in) {
    if (is_joined()) return take_combination(in);
    std::string key(as_text(in.blob(SIZE_MAX)));
    return {std::move(key), to_bytes(in.blob(SIZE_MAX))};
  }

  /// With the value that `query::select_value` would give.
  Row take_combination(ByteReader& in) {
    Row row;
    std::vector<std::optional<Bytes>> values;
    for (size_t side = 0; side < query.sides(); ++side) {
      const uint8_t state = in.u8();
      if (query.has_side(side)) values.emplace_back();
      if (state == 0) continue;
      REQUIRE(query.has_side(side));
      REQUIRE(state == (kind_ == kCombinations ? 2 : 3));
      row.first += std::to_string(side) + as_text_of(in.blob(SIZE_MAX)) + " ";
      if (state == 2) values.back() = to_bytes(in.blob(SIZE_MAX));
    }
    if (kind_ == kSelectedCombinations) {
      row.second = to_bytes(in.blob(SIZE_MAX));
      return row;
    }
    ValueWriter writer(row.second);
    writer.begin_array(values.size());
    for (const auto& value : values) value ? writer.encoded(ValueView(*value)) : writer.nil();
    return row;
  }

  static std::string as_text_of(ByteView bytes) { return std::string(as_text(bytes)); }

  void take_group_step(ByteReader& in) {
    const auto kind = static_cast<GroupEdit::Kind>(in.u8());
    const Bytes key = to_bytes(in.blob(SIZE_MAX));
    const Bytes group = to_bytes(in.blob(SIZE_MAX));
    CHECK((groups.count(key) == 0) == (kind == GroupEdit::Kind::Enter));
    if (kind == GroupEdit::Kind::Leave) {
      groups.erase(key);
    } else {
      groups[key] = group;
    }
  }

  void take_row_step(ByteReader& in) {
    const auto kind = static_cast<Edit::Kind>(in.u8());
    const auto from = static_cast<ptrdiff_t>(in.varint());
    const auto to = static_cast<ptrdiff_t>(in.varint());
    if (kind == Edit::Kind::Leave || kind == Edit::Kind::Move) {
      REQUIRE(from < static_cast<ptrdiff_t>(rows.size()));
      rows.erase(rows.begin() + from);
    }
    if (kind == Edit::Kind::Leave) return;
    REQUIRE(in.u8() == 1);
    Row row = take_row(in);
    REQUIRE(to <= static_cast<ptrdiff_t>(rows.size()));
    if (kind == Edit::Kind::Update) {
      REQUIRE(rows.at(static_cast<size_t>(to)).first == row.first);
      rows[static_cast<size_t>(to)] = std::move(row);
    } else {
      rows.insert(rows.begin() + to, std::move(row));
    }
  }

  uint8_t kind_ = 0;
};

}  // namespace topgun
