#include "core/query/top_rows.hpp"

#include <algorithm>

#include "core/base/probe.hpp"
#include "core/base/stable_sort.hpp"

namespace topgun::query {

Result<SortKeys> SortKeys::make(const std::vector<OrderPart>& order, AttributeTable& attributes) {
  SortKeys keys(attributes);
  for (const OrderPart& part : order) {
    const auto id = attributes.intern(part.attribute);
    if (!id.ok()) return id.error();
    keys.parts_.push_back({*id, part.direction});
  }
  return keys;
}

void SortKeys::append(Bytes& out, const RowView& row) {
  for (const Part& part : parts_) {
    append_ordered_key(out, reader_.read(row, part.attribute), KeyForm::Query, part.direction);
  }
  out.insert(out.end(), row.key.begin(), row.key.end());
}

bool TopRows::add(RowId row, const RowView& view) {
  key_.clear();
  keys_.append(key_, view);
  if (TG_MUTANT(65)) key_.resize(key_.size() - view.key.size());
  if (!after_.empty() && compare_bytes(key_, after_) <= 0) return false;
  if (limit_ > kSortedMax) {
    items_.push_back({key_, row});
    return true;
  }
  const bool is_full = items_.size() == limit_;
  if (limit_ == 0) return false;
  if (is_full && compare_bytes(key_, items_.back().key) >= 0) return false;
  // The last one's bytes are used again for the new one.
  Item item = {{}, row};
  if (is_full) {
    item.key = std::move(items_.back().key);
    items_.pop_back();
  }
  item.key = key_;
  const auto at = std::lower_bound(
      items_.begin(), items_.end(), item,
      [](const Item& left, const Item& right) { return compare_bytes(left.key, right.key) < 0; });
  items_.insert(at, std::move(item));
  return true;
}

std::vector<RowId> TopRows::take() {
  if (limit_ > kSortedMax) {
    stable_sort(items_, [](const Item& left, const Item& right) {
      return compare_bytes(left.key, right.key) < 0;
    });
    if (items_.size() > limit_) items_.resize(static_cast<size_t>(limit_));
  }
  std::vector<RowId> rows;
  rows.reserve(items_.size());
  for (const Item& item : items_) rows.push_back(item.row);
  return rows;
}

}  // namespace topgun::query
