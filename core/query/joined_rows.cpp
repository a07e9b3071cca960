#include "core/query/joined_rows.hpp"

namespace topgun::query {
namespace {

std::vector<Collection*> sides_of_results(const std::vector<Join>& joins,
                                          std::vector<Collection*> sides) {
  Query query;
  query.joins = joins;
  for (size_t side = 0; side < sides.size(); ++side) {
    if (!query.has_side(side)) sides[side] = nullptr;
  }
  return sides;
}

std::vector<AttributeTable*> tables_of(const std::vector<Collection*>& sides) {
  std::vector<AttributeTable*> tables;
  for (Collection* const side : sides) {
    tables.push_back(side == nullptr ? nullptr : &side->attributes());
  }
  return tables;
}

}  // namespace

JoinedRows::JoinedRows(const std::vector<Join>& joins, const std::vector<Collection*>& sides)
    : sides_(sides_of_results(joins, sides)), attributes_(tables_of(sides_)) {}

void JoinedRows::read_key(Buffer& buffer) {
  buffer.key.clear();
  for (size_t side = 0; side < sides_.size(); ++side) {
    if (sides_[side] == nullptr) continue;
    const RowView& record = buffer.sides[side];
    if (record.is_absent()) {
      append_ordered_key(buffer.key, std::nullopt);
      continue;
    }
    append_ordered_record_key(buffer.key, record.key);
  }
}

RowView JoinedRows::view(const Combination& rows, const PastRow* past, const RowView* same) {
  Buffer& buffer = buffers_[next_];
  next_ = 1 - next_;
  for (size_t side = 0; side < sides_.size(); ++side) {
    if (sides_[side] == nullptr) continue;
    const bool is_past =
        past != nullptr && past->collection == sides_[side] && past->row == rows[side];
    buffer.sides[side] = rows[side] == kNoRow ? RowView{}
                         : is_past            ? past->view
                                              : sides_[side]->rows().view(rows[side]);
  }
  if (same != nullptr) {
    buffer.key.assign(same->key.begin(), same->key.end());
  } else {
    read_key(buffer);
  }
  RowView whole;
  whole.key = buffer.key;
  whole.sides = buffer.sides.data();
  return whole;
}

}  // namespace topgun::query
